package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"
)

// ProcessSample is what the kernel says a process has used since it started, at one moment.
type ProcessSample struct {
	At time.Time `json:"at"`
	// User and System are CPU time of all threads, those that ended included, to 10 ms.
	User   time.Duration `json:"userNanos"`
	System time.Duration `json:"systemNanos"`
	// RSSBytes is resident now, PeakRSSBytes the most that ever was.
	RSSBytes     int64 `json:"rssBytes"`
	PeakRSSBytes int64 `json:"peakRSSBytes"`
	// WriteBytes is what was sent towards a disk; WrittenBytes also counts sockets, WriteCalls the calls that did it.
	WriteBytes   int64 `json:"writeBytes"`
	WrittenBytes int64 `json:"writtenBytes"`
	WriteCalls   int64 `json:"writeCalls"`
	// Context switches of the threads that live now.
	VoluntarySwitches   int64 `json:"voluntarySwitches"`
	InvoluntarySwitches int64 `json:"involuntarySwitches"`
}

// clockTick is the unit of CPU time in /proc/PID/stat. Linux reports in hundredths of a second on every platform Go
// runs on, whatever the kernel's own tick is.
const clockTick = 10 * time.Millisecond

// sampleProcess reads what /proc says of pid. proc is the file system under /proc; tests give their own.
// It is an error when the process is gone.
func sampleProcess(proc fs.FS, pid int) (ProcessSample, error) {
	sample := ProcessSample{At: time.Now()}
	dir := strconv.Itoa(pid)
	stat, err := fs.ReadFile(proc, filepath.Join(dir, "stat"))
	if err != nil {
		return ProcessSample{}, fmt.Errorf("process %d: %w", pid, err)
	}
	if sample.User, sample.System, err = parseStat(stat); err != nil {
		return ProcessSample{}, fmt.Errorf("process %d: stat: %w", pid, err)
	}
	status, err := fs.ReadFile(proc, filepath.Join(dir, "status"))
	if err != nil {
		return ProcessSample{}, fmt.Errorf("process %d: %w", pid, err)
	}
	sample.RSSBytes = procField(status, "VmRSS:") * 1024
	sample.PeakRSSBytes = procField(status, "VmHWM:") * 1024
	// Some kernels and containers hide io: what it holds then stays 0.
	if io, err := fs.ReadFile(proc, filepath.Join(dir, "io")); err == nil {
		sample.WriteBytes = procField(io, "write_bytes:")
		sample.WrittenBytes = procField(io, "wchar:")
		sample.WriteCalls = procField(io, "syscw:")
	}
	threads, err := fs.Glob(proc, filepath.Join(dir, "task", "*", "status"))
	if err != nil {
		return ProcessSample{}, fmt.Errorf("process %d: threads: %w", pid, err)
	}
	for _, name := range threads {
		thread, err := fs.ReadFile(proc, name)
		if err != nil {
			continue // it ended between the listing and the reading
		}
		sample.VoluntarySwitches += procField(thread, "voluntary_ctxt_switches:")
		sample.InvoluntarySwitches += procField(thread, "nonvoluntary_ctxt_switches:")
	}
	return sample, nil
}

// parseStat finds utime and stime, fields 14 and 15, in /proc/PID/stat. The second field, the program's name in
// brackets, may hold blanks and brackets itself: counting starts behind the last bracket.
func parseStat(stat []byte) (user, system time.Duration, err error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, errors.New("no program name in brackets")
	}
	const utime, stime = 14 - 3, 15 - 3 // the first field behind the bracket is number 3
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= stime {
		return 0, 0, fmt.Errorf("only %d fields", len(fields)+2)
	}
	u, errU := strconv.ParseInt(string(fields[utime]), 10, 64)
	s, errS := strconv.ParseInt(string(fields[stime]), 10, 64)
	if err := errors.Join(errU, errS); err != nil {
		return 0, 0, err
	}
	return time.Duration(u) * clockTick, time.Duration(s) * clockTick, nil
}

// procField returns the first number of the line that starts with name, 0 if there is none.
func procField(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(name))
		if !ok {
			continue
		}
		if fields := bytes.Fields(rest); len(fields) > 0 {
			n, err := strconv.ParseInt(string(fields[0]), 10, 64)
			if err == nil {
				return n
			}
		}
		return 0
	}
	return 0
}

// Usage is what a process used between two samples, and what it held at the second.
type Usage struct {
	Elapsed             time.Duration `json:"elapsedNanos"`
	User                time.Duration `json:"userNanos"`
	System              time.Duration `json:"systemNanos"`
	RSSBytes            int64         `json:"rssBytes"`
	PeakRSSBytes        int64         `json:"peakRSSBytes"`
	WriteBytes          int64         `json:"writeBytes"`
	WriteCalls          int64         `json:"writeCalls"`
	VoluntarySwitches   int64         `json:"voluntarySwitches"`
	InvoluntarySwitches int64         `json:"involuntarySwitches"`
}

// CPU is user and system time together.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// usageBetween subtracts before from after. Switches of a thread that ended in between would make a difference
// negative: it is then 0.
func usageBetween(before, after ProcessSample) Usage {
	return Usage{
		Elapsed:             after.At.Sub(before.At),
		User:                after.User - before.User,
		System:              after.System - before.System,
		RSSBytes:            after.RSSBytes,
		PeakRSSBytes:        after.PeakRSSBytes,
		WriteBytes:          after.WriteBytes - before.WriteBytes,
		WriteCalls:          after.WriteCalls - before.WriteCalls,
		VoluntarySwitches:   max(0, after.VoluntarySwitches-before.VoluntarySwitches),
		InvoluntarySwitches: max(0, after.InvoluntarySwitches-before.InvoluntarySwitches),
	}
}
