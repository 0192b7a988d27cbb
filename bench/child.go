package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a server in a process of its own. Its methods belong to one goroutine, except exited.
type child struct {
	name   string
	cmd    *exec.Cmd
	output *tail
	ended  chan struct{} // closed when the process is gone; err is set before
	err    error
}

const (
	readyTimeout = 60 * time.Second // a JVM on a busy machine takes its time
	stopTimeout  = 20 * time.Second
	readyPause   = 20 * time.Millisecond
)

// startChild starts a program with dir as its working directory. What it prints is kept for error messages, the last
// few kilobytes of it.
func startChild(name, dir, program string, args ...string) (*child, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it dies with the benchmark, even if that is killed
	output := &tail{limit: 4 << 10}
	cmd.Stdout, cmd.Stderr = output, output
	if err := onLastingThread(cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &child{name: name, cmd: cmd, output: output, ended: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// lastingThread runs functions on one thread that never ends. Linux sends a child its death signal when the thread
// that started it ends, not the process; and threads do end here, those of the load generator.
var lastingThread = sync.OnceValue(func() chan<- func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls { // as long as the process lives
			call()
		}
	}()
	return calls
})

func onLastingThread(f func() error) error {
	result := make(chan error)
	lastingThread() <- func() { result <- f() }
	return <-result
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// exited is nil while the process lives, else an error that says how it ended and what it printed last.
func (c *child) exited() error {
	select {
	case <-c.ended:
		how := "exit status 0"
		if c.err != nil {
			how = c.err.Error()
		}
		if said := c.output.String(); said != "" {
			return fmt.Errorf("%s ended by itself (%s); its last words:\n%s", c.name, how, said)
		}
		return fmt.Errorf("%s ended by itself (%s) and printed nothing", c.name, how)
	default:
		return nil
	}
}

// waitReady returns once a ZooKeeper session can be had at addr. It fails when the process ends, when it is not ready
// within readyTimeout, and when ctx is done.
func (c *child) waitReady(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		last := greet(ctx, addr)
		if last == nil {
			return nil
		}
		select {
		case <-c.ended:
			return c.exited()
		case <-ctx.Done():
			return fmt.Errorf("%s gave no session at %s (%w): %v", c.name, addr, ctx.Err(), last)
		case <-time.After(readyPause):
		}
	}
}

// stop asks the process to end and waits for it; one that does not end within stopTimeout is killed, which is an
// error, as is any end but by the signal or with status 0.
func (c *child) stop() error {
	if err := c.exited(); err != nil {
		return err
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.name, err)
	}
	select {
	case <-c.ended:
	case <-time.After(stopTimeout):
		c.kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM and was killed", c.name, stopTimeout)
	}
	// A JVM ends with 128 + the signal's number, other programs by the signal itself; both are an end as asked for.
	var exit *exec.ExitError
	if errors.As(c.err, &exit) {
		status, _ := exit.Sys().(syscall.WaitStatus)
		if status.Signaled() && status.Signal() == syscall.SIGTERM || exit.ExitCode() == 128+int(syscall.SIGTERM) {
			return nil
		}
		return fmt.Errorf("%s ended with %w after SIGTERM; its last words:\n%s", c.name, exit, c.output)
	}
	return c.err
}

// kill ends the process at once, and returns when it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // the only failure is that it is gone already
	<-c.ended
}

// tail keeps the last bytes written to it. Safe for concurrent use.
type tail struct {
	limit int
	mu    sync.Mutex
	data  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if over := len(t.data) - t.limit; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.data))
}

// freeAddress returns a loopback address that nothing listens on at this moment. Another program may take it before
// the server does: starting is then tried again with a new one.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("no free loopback port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
