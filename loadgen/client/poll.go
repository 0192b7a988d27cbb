package client

import (
	"encoding/binary"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEvents is how many ready sockets one wait reports.
const maxEvents = 512

// maxSleep bounds one wait.
const maxSleep = 10 * time.Second

// poller is an epoll instance with an eventfd in it that other threads can ring.
type poller struct {
	fd     int
	bell   int
	events []unix.EpollEvent
	coarse bool // the kernel lacks epoll_pwait2: waits are rounded down to milliseconds
}

// bellSlot is the slot under which the eventfd reports.
const bellSlot = -1

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &poller{fd: fd, bell: bell, events: make([]unix.EpollEvent, maxEvents)}
	if err := p.set(unix.EPOLL_CTL_ADD, bell, bellSlot, 0, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// set registers fd, or changes what is waited for. Its events carry slot and generation.
func (p *poller) set(ctl, fd int, slot, generation int32, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: slot, Pad: generation}
	if err := unix.EpollCtl(p.fd, ctl, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// wait returns the events that are ready, after at most ns nanoseconds; with ns <= 0 at once. The result is good until the
// next wait.
func (p *poller) wait(ns int64) ([]unix.EpollEvent, error) {
	n, errno := p.sleep(min(max(ns, 0), int64(maxSleep)))
	switch errno {
	case 0:
		return p.events[:n], nil
	case unix.EINTR:
		return nil, nil
	}
	return nil, fmt.Errorf("epoll_wait: %w", errno)
}

func (p *poller) sleep(ns int64) (n int, errno unix.Errno) {
	if !p.coarse {
		ts := unix.NsecToTimespec(ns)
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
			uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		if errno != unix.ENOSYS {
			return int(n), errno
		}
		p.coarse = true
	}
	// Rounding down turns the last fraction of a millisecond into a busy wait: on time, at the price of CPU.
	r, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(ns/int64(time.Millisecond)), 0, 0)
	return int(r), errno
}

// ring ends the wait that is going on, or the next one. Safe from any goroutine until close.
func (p *poller) ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(p.bell, one[:]) // fails only if 2^64-2 rings were not heard: then one more does not matter
}

// hush forgets the rings so far.
func (p *poller) hush() {
	var buf [8]byte
	_, _ = unix.Read(p.bell, buf[:])
}

func (p *poller) close() {
	unix.Close(p.bell)
	unix.Close(p.fd)
}

// readSocket and writeSocket never block, so they bypass the scheduler's bookkeeping around system calls, which costs about
// as much as the generator's own work for a request.

func readSocket(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
	return int(n), errno
}

func writeSocket(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}
