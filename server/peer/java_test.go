package peer

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bellwether/engine/session"
	"bellwether/engine/wire"
)

// javaJar is Apache ZooKeeper as Debian's package zookeeper installs it.
const javaJar = "/usr/share/java/zookeeper.jar"

// needJava skips the test, loudly, where there is no Apache ZooKeeper to judge it.
func needJava(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: starts Apache ZooKeeper servers, and -short was given")
	}
	if _, err := exec.LookPath("java"); err != nil {
		t.Skip("SKIPPED, NOTHING WAS JUDGED BY APACHE ZOOKEEPER: there is no java; install Debian's packages zookeeper and default-jre-headless")
	}
	if _, err := os.Stat(javaJar); err != nil {
		t.Skipf("SKIPPED, NOTHING WAS JUDGED BY APACHE ZOOKEEPER: %v; install Debian's package zookeeper", err)
	}
}

// javaEnsemble is an ensemble on loopback addresses of its own: server i is at 127.net.0.i, and when it says "h<j>" it
// gets 127.net.i.j, where a test may listen and so stand between the two. Without anybody there, the address is j's own.
type javaEnsemble struct {
	t       *testing.T
	dir     string
	net     int
	between bool     // somebody listens at 127.net.i.j
	jvm     []string // more flags for java
	dynamic bool     // the server lines say where clients connect, as servers with reconfigEnabled want it
	lines   []string // server lines and other keys that all share
	running map[int]*javaServer
}

// javaServer is a running server.
type javaServer struct {
	*exec.Cmd
	log *javaLog
}

const (
	quorumPort   = 2888
	electionPort = 3888
	clientPort   = 2181
)

func newJavaEnsemble(t *testing.T, between bool, servers ...string) *javaEnsemble {
	t.Helper()
	needJava(t)
	e := &javaEnsemble{t: t, dir: t.TempDir(), net: freeNet(t), between: between, running: map[int]*javaServer{}}
	for i, role := range servers {
		e.lines = append(e.lines, fmt.Sprintf("server.%d=h%d:%d:%d%s", i+1, i+1, quorumPort, electionPort, role))
	}
	t.Cleanup(func() {
		for id := range e.running {
			e.kill(id)
		}
	})
	return e
}

// freeNet finds a second byte of loopback addresses that nobody uses.
func freeNet(t *testing.T) int {
	t.Helper()
	for n := 20 + os.Getpid()%100; n < 250; n++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.%d.0.1:%d", n, electionPort))
		if err == nil {
			_ = l.Close()
			return n
		}
	}
	t.Fatal("no free loopback network")
	return 0
}

// at is the address where server id really listens.
func (e *javaEnsemble) at(id, port int) string { return fmt.Sprintf("127.%d.0.%d:%d", e.net, id, port) }

// seen is the address that server from believes to be that of server id.
func (e *javaEnsemble) seen(from, id, port int) string {
	if from == id || !e.between {
		return e.at(id, port)
	}
	return fmt.Sprintf("127.%d.%d.%d:%d", e.net, from, id, port)
}

func (e *javaEnsemble) dataDir(id int) string { return filepath.Join(e.dir, fmt.Sprint("data", id)) }

// start starts a server, with more lines of configuration, and does not wait for it.
func (e *javaEnsemble) start(id int, more ...string) *javaServer {
	e.t.Helper()
	data := e.dataDir(id)
	cfg, hosts := filepath.Join(e.dir, fmt.Sprintf("zoo%d.cfg", id)), filepath.Join(e.dir, fmt.Sprintf("hosts%d", id))
	var names strings.Builder
	for other := 1; other <= 9; other++ {
		host, _, _ := net.SplitHostPort(e.seen(id, other, 0))
		fmt.Fprintf(&names, "%s h%d\n", host, other)
	}
	fmt.Fprintf(&names, "127.%d.0.%d self\n", e.net, id)
	lines := append([]string{"tickTime=1000", "initLimit=10", "syncLimit=5", "dataDir=" + data, "admin.enableServer=false",
		"4lw.commands.whitelist=*"}, append(e.lines, more...)...)
	if !e.dynamic {
		lines = append(lines, fmt.Sprintf("clientPort=%d", clientPort), "clientPortAddress=self")
	}
	e.write(hosts, names.String())
	e.write(filepath.Join(data, "myid"), fmt.Sprint(id))
	if _, err := os.Stat(cfg); err != nil { // a server with reconfigEnabled writes it itself later
		e.write(cfg, strings.Join(lines, "\n")+"\n")
	}
	s := &javaServer{log: &javaLog{}}
	flags := append([]string{"-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djdk.net.hosts.file=" + hosts,
		"-Dzookeeper.extendedTypesEnabled=true", "-cp", "/usr/share/java/slf4j-simple.jar:" + javaJar}, e.jvm...)
	s.Cmd = exec.Command("java", append(flags, "org.apache.zookeeper.server.quorum.QuorumPeerMain", cfg)...)
	s.Stderr, s.Stdout = s.log, s.log
	s.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.running[id] = s
	return s
}

func (e *javaEnsemble) write(path, text string) {
	e.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// kill ends a server as kill -9 does.
func (e *javaEnsemble) kill(id int) {
	if s := e.running[id]; s != nil {
		_ = s.Process.Kill()
		_ = s.Wait()
		delete(e.running, id)
		if e.t.Failed() {
			e.t.Logf("server %d said:\n%s", id, s.log.tail(8000))
		}
	}
}

// awaitMode waits until a server says that it is in one of these modes, as srvr calls them.
func (e *javaEnsemble) awaitMode(id int, modes ...string) {
	e.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for time.Now().Before(deadline) {
		text := fourLetters(e.at(id, clientPort), "srvr")
		for _, m := range modes {
			if strings.Contains(text, "Mode: "+m) {
				return
			}
		}
		time.Sleep(20 * time.Millisecond) // another process: there is nothing to wait on
	}
	e.t.Fatalf("server %d did not become %v:\n%s", id, modes, e.running[id].log.tail(6000))
}

// fourLetters asks a server with a four-letter word; empty if it does not answer.
func fourLetters(address, word string) string {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	_, _ = c.Write([]byte(word))
	text, _ := io.ReadAll(c)
	return string(text)
}

// javaLog collects what a process says.
type javaLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *javaLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *javaLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *javaLog) tail(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}

// rawClient is a client that does nothing by itself.
type rawClient struct {
	t *testing.T
	net.Conn
	in      *bufio.Reader
	session int64
	xid     int32
}

// connect opens a session, or takes up one: session is 0 for a new one. A session that was refused has the id 0.
func connectRaw(t *testing.T, address string, id int64) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &rawClient{t: t, Conn: conn, in: bufio.NewReader(conn)}
	password := make([]byte, 16)
	if id != 0 {
		p := session.Password(id)
		password = p[:]
	}
	request := wire.ConnectRequest{Timeout: 8000, SessionID: id, Passwd: password}
	frame := request.Append(wire.BeginFrame(nil))
	wire.EndFrame(frame, 0)
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(c.frame())
	var response wire.ConnectResponse
	if err := response.Decode(&r); err != nil {
		t.Fatal(err)
	}
	c.session = response.SessionID
	return c
}

func (c *rawClient) frame() []byte {
	c.t.Helper()
	body, err := readFrame(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return body
}

// do sends a request and returns the reply's error code.
func (c *rawClient) do(op wire.OpCode, body wire.Record) wire.Code {
	code, _ := c.call(op, body)
	return code
}

// call sends a request and returns the reply's error code and body.
func (c *rawClient) call(op wire.OpCode, body wire.Record) (wire.Code, wire.Reader) {
	c.t.Helper()
	c.xid++
	if _, err := c.Write(wire.AppendRequest(nil, c.xid, op, body)); err != nil {
		c.t.Fatal(err)
	}
	for {
		r := wire.NewReader(c.frame())
		var h wire.ReplyHeader
		if err := h.Decode(&r); err != nil {
			c.t.Fatal(err)
		}
		if h.Xid == c.xid {
			return h.Err, r
		}
	}
}

// dump is everything a client can see, a line a znode, as member.dump has it. The client sees what its server has applied,
// so it syncs first.
func (c *rawClient) dump() (lines []string) {
	c.t.Helper()
	if code := c.do(wire.OpSync, &wire.SyncRequest{Path: "/"}); code != wire.OK {
		c.t.Fatalf("sync: %v", code)
	}
	var visit func(path string)
	visit = func(path string) {
		var data wire.DataStat
		var acl wire.GetACLResponse
		var children wire.GetChildrenResponse
		for op, record := range map[wire.OpCode]wire.Record{wire.OpGetData: &data, wire.OpGetACL: &acl, wire.OpGetChildren: &children} {
			var request wire.Record = &wire.PathWatch{Path: path}
			if op == wire.OpGetACL {
				request = &wire.GetACLRequest{Path: path}
			}
			code, r := c.call(op, request)
			if code != wire.OK {
				c.t.Fatalf("%v %s: %v", op, path, code)
			}
			if err := record.Decode(&r); err != nil {
				c.t.Fatal(err)
			}
		}
		lines = append(lines, znodeLine(path, data.Data, acl.ACL, data.Stat))
		for _, name := range children.Names {
			visit(strings.TrimSuffix(path, "/") + "/" + name)
		}
	}
	visit("/")
	slices.Sort(lines)
	return lines
}

// prove adds the id digest:bell to the connection.
func (c *rawClient) prove() {
	c.t.Helper()
	xid := c.xid
	c.xid = wire.XidAuth - 1
	if code := c.do(wire.OpAuth, &wire.AuthRequest{Scheme: "digest", Auth: []byte("bell:wether")}); code != wire.OK {
		c.t.Fatalf("auth: %v", code)
	}
	c.xid = xid
}
