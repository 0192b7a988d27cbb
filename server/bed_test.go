package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// logLines keeps what a server has logged.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count returns how many lines hold s.
func (l *logLines) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}

// all returns everything logged.
func (l *logLines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// bed is a server in this process on a free port of the loopback interface, with its data in a directory of the test's.
type bed struct {
	*Server
	t      testing.TB
	config *Config
	log    *logLines
}

func newBed(t testing.TB, change func(*Config)) *bed {
	t.Helper()
	b := &bed{t: t, config: DefaultConfig(), log: &logLines{}}
	b.config.DataDir, b.config.ClientPort = t.TempDir(), 0
	b.config.TickTime, b.config.MaxClientCnxns = 100*time.Millisecond, 0
	b.config.PreAllocBytes, b.config.MaxSessionTimeout = 4<<20, time.Minute
	if change != nil {
		change(b.config)
	}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *bed) start() {
	b.t.Helper()
	s, err := Start(b.config, slog.New(slog.NewTextHandler(io.MultiWriter(b.log), nil)))
	if err != nil {
		b.t.Fatalf("start: %v", err)
	}
	b.Server = s
}

func (b *bed) stop() {
	if b.Server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		b.t.Errorf("stop: %v", err)
	}
	b.Server = nil
}

// quiet is a logger for the client library, which talks much.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// outsider connects the client library that most Go programs use, and waits for its session.
func (b *bed) outsider(timeout time.Duration) (*zk.Conn, <-chan zk.Event) {
	b.t.Helper()
	return connect(b.t, b.Address(), timeout)
}

func connect(t testing.TB, address string, timeout time.Duration) (*zk.Conn, <-chan zk.Event) {
	t.Helper()
	c, events, err := zk.Connect([]string{address}, timeout, zk.WithLogger(quiet{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	await(t, events, zk.StateHasSession)
	return c, events
}

// await waits until the session reports a state.
func await(t testing.TB, events <-chan zk.Event, want zk.State) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		select {
		case e := <-events:
			if e.State == want {
				return
			}
		case <-timeout:
			t.Fatalf("session state %v did not come", want)
		}
	}
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// dial opens a bare connection.
func (b *bed) dial() net.Conn {
	b.t.Helper()
	c, err := net.Dial("tcp", b.Address())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}
