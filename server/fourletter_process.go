package server

import (
	"io/fs"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
)

// FillProcess fills what a Report tells about the process and its machine: the version, and of parts the open files
// and the environment. It asks the system, so it may take some milliseconds where there are many open files.
func FillProcess(r *Report, parts Parts) {
	r.Version = ZooKeeperVersion()
	if parts.Has(PartMetrics) {
		r.OpenFiles, r.MaxFiles = openFiles(), maxFiles()
	}
	if parts.Has(PartEnvironment) {
		r.Environment = environment()
	}
}

// DirectoryBytes returns the size of all files below dir, in bytes. What disappears or cannot be read meanwhile does
// not count.
func DirectoryBytes(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// openFiles counts the file descriptors in use, -1 where the system does not tell.
func openFiles() int64 {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return -1
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return -1
	}
	return int64(len(names)) - 1 // without the one that lists them
}

// maxFiles is the limit of openFiles, -1 where the system does not tell.
func maxFiles() int64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return -1
	}
	return int64(min(limit.Cur, 1<<62))
}

// environment lists the entries of envi in Apache's order. Those named after Java tell about Go instead: readers look
// for the names, people read the values.
func environment() []EnvironmentEntry {
	host, _ := os.Hostname()
	dir, _ := os.Getwd()
	program, _ := os.Executable()
	name, home := currentUser()
	used, limit, total := memoryBytes()
	entries := []EnvironmentEntry{
		{"host.name", host},
		{"java.version", runtime.Version()},
		{"java.vendor", "Bellwether (no Java: a Go program)"},
		{"java.home", ""},
		{"java.class.path", program},
		{"java.library.path", ""},
		{"java.io.tmpdir", os.TempDir()},
		{"java.compiler", runtime.Compiler},
		{"os.name", systemName()},
		{"os.arch", runtime.GOARCH},
		{"os.version", systemRelease()},
		{"user.name", name},
		{"user.home", home},
		{"user.dir", dir},
		{"os.memory.free", megabytes(total - used)},
	}
	if limit != math.MaxInt64 { // there is one: GOMEMLIMIT
		entries = append(entries, EnvironmentEntry{"os.memory.max", megabytes(limit)})
	}
	return append(entries, EnvironmentEntry{"os.memory.total", megabytes(total)})
}

func currentUser() (name, home string) {
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Getuid()), ""
	}
	return u.Username, u.HomeDir
}

// memoryBytes returns the bytes of heap in use, the limit set for the runtime (math.MaxInt64 is none), and what it has
// from the system.
func memoryBytes() (used, limit, total uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/gomemlimit:bytes"},
		{Name: "/memory/classes/total:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64()
}

func megabytes(n uint64) string { return strconv.FormatUint(n>>20, 10) + "MB" }

// systemName writes the system as Java does: Linux.
func systemName() string {
	return strings.ToUpper(runtime.GOOS[:1]) + runtime.GOOS[1:]
}

func systemRelease() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(release))
}
