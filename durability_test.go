package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

// asServer makes the test binary behave as bellwether, so that tests can kill one.
const asServer = "BELLWETHER_TEST_ARGS"

func TestMain(m *testing.M) {
	if args := os.Getenv(asServer); args != "" {
		os.Exit(run(strings.Split(args, "\n"), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// child is a server process.
type child struct {
	*exec.Cmd
	address string
	stderr  *bytes.Buffer
}

// start runs a server on dir and waits until it is ready. Without address it takes a free port.
func start(t *testing.T, dir, address string) *child {
	t.Helper()
	c, err := tryStart(t, dir, address)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func tryStart(t *testing.T, dir, address string) (*child, error) {
	t.Helper()
	if address == "" {
		address = "127.0.0.1:0"
	}
	c := &child{Cmd: exec.Command(os.Args[0]), stderr: &bytes.Buffer{}}
	c.Env = append(os.Environ(), asServer+"="+strings.Join([]string{"serve", "--data", dir, "--listen", address, "--tick", "500ms"}, "\n"))
	c.Stderr = c.stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server did not become ready: %w\n%s", c.Wait(), c.stderr)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	t.Cleanup(func() { _ = c.Process.Kill() })
	_, rest, _ := strings.Cut(line, " on ")
	c.address, _, _ = strings.Cut(rest, ",")
	return c, nil
}

// kill ends the process as kill -9 does.
func (c *child) kill() {
	_ = c.Process.Kill()
	_ = c.Wait()
}

func dial(t *testing.T, address string, timeout time.Duration) *zk.Conn {
	t.Helper()
	c, events, err := zk.Connect([]string{address}, timeout, zk.WithLogger(silent{}))
	if err != nil {
		t.Fatal(err)
	}
	for e := range events {
		if e.State == zk.StateHasSession {
			break
		}
	}
	return c
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// rounds is how often the long tests do what they do: a few times unless ROUNDS says otherwise.
func rounds(t *testing.T) int {
	text := os.Getenv("ROUNDS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ROUNDS=%q is no number above 0", text)
	}
	return n
}

// A server that is killed under write load has, when it is started again, every write that it acknowledged, and every
// session with its ephemerals.
func TestDurabilityUnderKillNine(t *testing.T) {
	dir := t.TempDir()
	server := start(t, dir, "")
	address := server.address
	keeper := dial(t, address, 20*time.Second)
	defer keeper.Close()
	keeperID := keeper.SessionID()
	everyone := zk.WorldACL(zk.PermAll)
	if _, err := keeper.Create("/kept", nil, 0, everyone); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for round := range rounds(t) {
		ephemeral := fmt.Sprintf("/ephemeral-%d", round)
		if _, err := keeper.Create(ephemeral, nil, zk.FlagEphemeral, everyone); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		var writers sync.WaitGroup
		var mu sync.Mutex
		created, versions := map[string]bool{}, map[string]int32{}
		for w := range 8 {
			writers.Add(1)
			c := dial(t, address, 10*time.Second)
			go func() {
				defer writers.Done()
				defer c.Close()
				counter := fmt.Sprintf("/kept/counter-%d-%d", round, w)
				if _, err := c.Create(counter, nil, 0, everyone); err != nil {
					return
				}
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					path := fmt.Sprintf("/kept/n-%d-%d-%d", round, w, i)
					if _, err := c.Create(path, []byte(path), 0, everyone); err != nil {
						return
					}
					stat, err := c.Set(counter, []byte(path), -1)
					mu.Lock()
					created[path] = true
					if err == nil {
						versions[counter] = stat.Version
					}
					mu.Unlock()
					if err != nil {
						return
					}
				}
			}()
		}
		time.Sleep(time.Duration(200+rand.IntN(500)) * time.Millisecond)
		server.kill()
		close(stop)
		server = start(t, dir, address)
		writers.Wait()

		check := dial(t, address, 10*time.Second)
		for path := range created {
			data, _, err := check.Get(path)
			if err != nil || string(data) != path {
				t.Fatalf("round %d: %s was acknowledged, now %q, %v", round, path, data, err)
			}
		}
		for path, version := range versions {
			if _, stat, err := check.Get(path); err != nil || stat.Version < version {
				t.Fatalf("round %d: %s was acknowledged at version %d, now %+v, %v", round, path, version, stat, err)
			}
		}
		for r := range round + 1 {
			_, stat, err := check.Get(fmt.Sprintf("/ephemeral-%d", r))
			if err != nil || stat.EphemeralOwner != keeperID {
				t.Fatalf("round %d: ephemeral %d: %+v, %v", round, r, stat, err)
			}
		}
		check.Close()
		if _, _, err := keeper.Get("/kept"); err != nil && !errors.Is(err, zk.ErrConnectionClosed) {
			t.Fatalf("round %d: the session did not come back: %v", round, err)
		}
		if keeper.SessionID() != keeperID {
			t.Fatalf("round %d: session 0x%x became 0x%x", round, keeperID, keeper.SessionID())
		}
		acknowledged += len(created) + len(versions)
	}
	t.Logf("%d rounds, %d acknowledged writes looked for and found", rounds(t), acknowledged)
}

// filledLog returns the directory of a server that has written n znodes and was killed, and the one segment of its log.
func filledLog(t *testing.T, n int) (dir, segment string) {
	t.Helper()
	dir = t.TempDir()
	server := start(t, dir, "")
	c := dial(t, server.address, 10*time.Second)
	for i := range n {
		if _, err := c.Create(fmt.Sprintf("/n%d", i), []byte("some data"), 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	}
	server.kill()
	c.Close()
	return dir, usedSegment(t, dir)
}

// usedSegment returns the file of the log that holds the most.
func usedSegment(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "log", "*"))
	if err != nil {
		t.Fatal(err)
	}
	best, most := "", 0
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil {
			if used := len(bytes.TrimRight(b, "\x00")); used > most {
				best, most = file, used
			}
		}
	}
	return best
}

// change rewrites a file through f.
func change(t *testing.T, file string, f func([]byte)) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f(b)
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// A last frame that was only half written is cut, and the server starts with everything before it.
func TestTornLastFrameIsCut(t *testing.T) {
	dir, segment := filledLog(t, 50)
	change(t, segment, func(b []byte) {
		end := len(bytes.TrimRight(b, "\x00"))
		clear(b[end-20 : end])
	})
	server := start(t, dir, "")
	c := dial(t, server.address, 10*time.Second)
	defer c.Close()
	for i := range 49 {
		if _, _, err := c.Get(fmt.Sprintf("/n%d", i)); err != nil {
			t.Fatalf("/n%d: %v", i, err)
		}
	}
	if _, _, err := c.Get("/n49"); !errors.Is(err, zk.ErrNoNode) {
		t.Fatalf("the torn write: %v, want no znode", err)
	}
}

// A bit that flipped before the tail is no torn write: the server refuses to start and says which file is damaged where.
func TestFlippedBitBeforeTheTailRefusesToStart(t *testing.T) {
	dir, segment := filledLog(t, 50)
	change(t, segment, func(b []byte) { b[len(bytes.TrimRight(b, "\x00"))/2] ^= 4 })
	c, err := tryStart(t, dir, "")
	if err == nil {
		c.kill()
		t.Fatal("the server started on a damaged log")
	}
	if text := err.Error(); !strings.Contains(text, filepath.Base(segment)) || !strings.Contains(text, "at byte") {
		t.Fatalf("the refusal does not name the file and the place: %v", err)
	}
}

// A second server on the same data is refused and told who holds it.
func TestSecondServerOnTheSameDataIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := start(t, dir, "")
	c, err := tryStart(t, dir, "")
	if err == nil {
		c.kill()
		t.Fatal("two servers share a directory")
	}
	if text := err.Error(); !strings.Contains(text, dir) || !strings.Contains(text, strconv.Itoa(first.Process.Pid)) {
		t.Fatalf("the refusal does not name the directory and process %d: %v", first.Process.Pid, err)
	}
}

// SIGTERM answers what was handed over and leaves a log that the next start reads to its end.
func TestSigtermLeavesACleanLog(t *testing.T) {
	dir := t.TempDir()
	server := start(t, dir, "")
	c := dial(t, server.address, 10*time.Second)
	if _, err := c.Create("/last", nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Fatalf("exit after SIGTERM: %v\n%s", err, server.stderr)
	}
	c.Close()
	again := start(t, dir, "")
	c = dial(t, again.address, 10*time.Second)
	defer c.Close()
	if there, _, err := c.Exists("/last"); !there || err != nil {
		t.Fatal(there, err)
	}
}
