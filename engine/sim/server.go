package sim

import (
	"errors"
	"fmt"
	"syscall"

	"bellwether/engine/zab"
	"bellwether/wal/memfs"
)

// server is one machine of the ensemble: its disk, and the process that runs on it if one does.
type server struct {
	w      *World
	id     int64
	disk   *memfs.FS
	proc   *process // nil: none runs
	upAtMs int64    // when one may be started
	starts int

	failAt      uint64 // the I/O call that was made to fail, 0: none
	fullUntilMs int64  // no file can grow until then, 0: there is room
}

func newServer(w *World, id int64) *server {
	return &server{w: w, id: id, disk: memfs.New(w.seed<<8 | uint64(id))}
}

// start starts a process, which recovers what the disk has. It may fail only if the disk does.
func (s *server) start() error {
	s.starts++
	s.w.stats.Starts++
	p, err := recoverProcess(s)
	if err != nil {
		return s.excuse(fmt.Errorf("start: %w", err))
	}
	s.proc = p
	s.w.note("s%d: starts with %v, snapshot %v", s.id, zab.Zxid(p.apply.last), zab.Zxid(p.snapshotZxid))
	return s.w.judge.recovered(p)
}

// settle looks after a process whose disk has stopped or failed during the last step.
func (s *server) settle() (err error) {
	switch {
	case s.disk.Crashed():
		err = s.crash()
	case s.proc != nil && s.proc.failure != nil:
		err = s.excuse(s.proc.failure)
	}
	s.makeRoom()
	return err
}

// excuse ends the process for an error that is the disk's fault, as its owner would, and takes any other for what it is: a
// broken promise.
func (s *server) excuse(err error) error {
	switch {
	case errors.Is(err, memfs.ErrCrashed):
		return s.crash()
	case errors.Is(err, errInjected), s.fullUntilMs != 0 && errors.Is(err, syscall.ENOSPC):
		s.w.stats.DiskFailures++
		s.w.note("s%d: stops: %v", s.id, err)
		s.disk = s.disk.Kill()
		s.down()
		return nil
	}
	return err
}

// injured reports whether an I/O call of this process was made to fail.
func (s *server) injured() bool {
	return s.fullUntilMs != 0 || s.failAt != 0 && s.disk.Calls() >= s.failAt
}

// crash stops the machine. What was not synced meets one of the fates that package memfs knows.
func (s *server) crash() error {
	variants := memfs.Variants(4)
	v := variants[s.w.rng.IntN(len(variants))]
	s.w.stats.Crashes++
	s.w.note("s%d: crashes: %v", s.id, v)
	s.disk = s.disk.Crash(v)
	s.down()
	return nil
}

// kill ends the process where it stands; the machine goes on.
func (s *server) kill() error {
	s.w.stats.Kills++
	s.w.note("s%d: is killed", s.id)
	s.disk = s.disk.Kill()
	s.down()
	return nil
}

// stop ends the process as it should end: it finishes what it has begun, and closes the log. Nobody is told to wait, so
// what is still in its queues is lost.
func (s *server) stop() error {
	if s.proc == nil {
		return nil
	}
	s.w.note("s%d: stops", s.id)
	err := s.proc.close()
	if err != nil {
		return s.excuse(err)
	}
	s.disk = s.disk.Kill() // nothing is left to lose
	s.down()
	return nil
}

// down forgets the process and cuts its links: of what it had sent, any part arrives.
func (s *server) down() {
	if s.proc != nil {
		s.proc.hangUp()
		s.proc = nil
	}
	s.failAt = 0
	if s.fullUntilMs != 0 {
		s.disk.SetFaults(memfs.Faults{Capacity: 1})
	}
	s.upAtMs = s.w.nowMs + int64(s.w.rng.IntN(int(10*s.w.settings.tickMs)))
}
