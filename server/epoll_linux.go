package server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// watchFor makes the event loop look, or not look, for bytes to read on c. gnet has no call for it, so the loop's epoll
// descriptor is found once, by the one sign the kernel gives: /proc/self/fdinfo lists under an epoll descriptor the sockets
// it watches. Not reading is what makes a client feel that it is too fast: its window fills. Where it cannot be done the
// bytes are kept, and the engine gives the connection up when they are too many.
func (l *loop) watchFor(c *conn, read bool) {
	if c.gone {
		return
	}
	if l.epoll == 0 {
		l.epoll = findEpoll(c.Fd())
	}
	if l.epoll < 0 {
		return
	}
	var events uint32
	if read {
		events |= unix.EPOLLIN | unix.EPOLLPRI
	}
	if c.OutboundBuffered() > 0 {
		events |= unix.EPOLLOUT
	}
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, c.Fd(), &unix.EpollEvent{Fd: int32(c.Fd()), Events: events})
}

// findEpoll returns the epoll descriptor of this process that watches fd, -1 if there is none.
func findEpoll(fd int) int {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != "anon_inode:[eventpoll]" {
			continue
		}
		number := filepath.Base(link)
		info, err := os.ReadFile("/proc/self/fdinfo/" + number)
		if err == nil && watches(info, fd) {
			n, _ := strconv.Atoi(number)
			return n
		}
	}
	return -1
}

// watches reports whether the fdinfo of an epoll descriptor has a line for fd: "tfd: 12 events: ...".
func watches(info []byte, fd int) bool {
	want := fmt.Sprintf("%d", fd)
	for line := range bytes.Lines(info) {
		fields := bytes.Fields(line)
		if len(fields) > 1 && string(fields[0]) == "tfd:" && string(fields[1]) == want {
			return true
		}
	}
	return false
}
