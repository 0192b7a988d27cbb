package zkfile

import (
	"bytes"
	"fmt"
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

	"github.com/go-zookeeper/zk"

	"bellwether/engine/tree"
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

// javaServer is a standalone server of Apache ZooKeeper.
type javaServer struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	mu      sync.Mutex
	said    bytes.Buffer
}

func (s *javaServer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

// log is what the server has said so far.
func (s *javaServer) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

// startJava starts a server on a data directory, with more flags for java, and waits until it serves.
func startJava(t *testing.T, data string, flags ...string) *javaServer {
	t.Helper()
	needJava(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &javaServer{t: t, address: l.Addr().String()}
	_ = l.Close()
	_, port, _ := net.SplitHostPort(s.address)
	cfg := filepath.Join(t.TempDir(), "zoo.cfg")
	text := "tickTime=2000\ndataDir=" + data + "\nclientPort=" + port + "\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n4lw.commands.whitelist=*\nmaxSessionTimeout=600000\n"
	if err := os.WriteFile(cfg, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.extendedTypesEnabled=true",
		"-Dzookeeper.forceSync=no", // the process is killed, the machine is not
		"-cp", "/usr/share/java/slf4j-simple.jar:" + javaJar}, flags...)
	s.cmd = exec.Command("java", append(args, "org.apache.zookeeper.server.quorum.QuorumPeerMain", cfg)...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	for deadline := time.Now().Add(40 * time.Second); !strings.Contains(s.ask("srvr"), "Mode: standalone"); {
		if time.Now().After(deadline) {
			t.Fatalf("the server did not start:\n%s", s.log())
		}
		time.Sleep(100 * time.Millisecond) // another process: there is nothing to wait on
	}
	return s
}

// kill ends the server as kill -9 does.
func (s *javaServer) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	if s.t.Failed() {
		log := s.log()
		s.t.Logf("the server said:\n%s", log[max(0, len(log)-6000):])
	}
}

// ask asks a four-letter word.
func (s *javaServer) ask(word string) string {
	c, err := net.DialTimeout("tcp", s.address, time.Second)
	if err != nil {
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = c.Write([]byte(word))
	var b bytes.Buffer
	_, _ = b.ReadFrom(c)
	return b.String()
}

type silent struct{}

func (silent) Printf(string, ...any) {}

// connect opens a session that outlives the test.
func (s *javaServer) connect() *zk.Conn {
	s.t.Helper()
	c, events, err := zk.Connect([]string{s.address}, 10*time.Minute, zk.WithLogger(silent{}))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	for e := range events {
		if e.State == zk.StateHasSession {
			break
		}
	}
	return c
}

// znodeLine is a znode as a client sees it, in a line. What a quota has used is left out: every server keeps that for itself.
func znodeLine(path string, data []byte, acl []wire.ACL, st wire.Stat) string {
	text := fmt.Sprintf("%x", data)
	if data == nil {
		text = "null"
	}
	if strings.HasSuffix(path, "/zookeeper_stats") {
		text, st.DataLength = "used", 0
	}
	return fmt.Sprintf("%s data=%s acl=%v stat=%+v", path, text, acl, st)
}

// dump is everything a client can see, a line a znode.
func (s *javaServer) dump(c *zk.Conn) (lines []string) {
	s.t.Helper()
	var visit func(path string)
	visit = func(path string) {
		data, st, err := c.Get(path)
		if err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
		acl, _, err := c.GetACL(path)
		if err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
		lines = append(lines, znodeLine(path, data, aclOf(acl), statOf(st)))
		children, _, err := c.Children(path)
		if err != nil {
			s.t.Fatalf("%s: %v", path, err)
		}
		slices.Sort(children)
		for _, name := range children {
			visit(strings.TrimSuffix(path, "/") + "/" + name)
		}
	}
	visit("/")
	slices.Sort(lines)
	return lines
}

func aclOf(list []zk.ACL) (acl []wire.ACL) {
	for _, a := range list {
		acl = append(acl, wire.ACL{Perms: a.Perms, Scheme: a.Scheme, ID: a.ID})
	}
	return acl
}

func statOf(s *zk.Stat) wire.Stat {
	return wire.Stat{Czxid: s.Czxid, Mzxid: s.Mzxid, Ctime: s.Ctime, Mtime: s.Mtime, Version: s.Version, Cversion: s.Cversion,
		Aversion: s.Aversion, EphemeralOwner: s.EphemeralOwner, DataLength: s.DataLength, NumChildren: s.NumChildren, Pzxid: s.Pzxid}
}

// dumpTree is the same of a tree.
func dumpTree(t *tree.Tree) (lines []string) {
	t.Walk("/", func(path string, v *tree.View) bool {
		var st wire.Stat
		v.Stat(&st)
		lines = append(lines, znodeLine(path, v.Data(), v.ACL(), st))
		return true
	})
	slices.Sort(lines)
	return lines
}

// sameLines compares two dumps and shows the first differences.
func sameLines(t *testing.T, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	shown := 0
	for _, line := range want {
		if _, found := slices.BinarySearch(got, line); !found && shown < 5 {
			t.Errorf("%s: missing  %s", what, line)
			shown++
		}
	}
	for _, line := range got {
		if _, found := slices.BinarySearch(want, line); !found && shown < 10 {
			t.Errorf("%s: too much %s", what, line)
			shown++
		}
	}
	if shown == 0 {
		t.Errorf("%s: %d lines, want %d", what, len(got), len(want))
	}
}

// noComplaints fails the test if the server has found digests or files that do not fit.
func (s *javaServer) noComplaints() {
	s.t.Helper()
	mismatches := ""
	for line := range strings.Lines(s.ask("mntr")) {
		if strings.HasPrefix(line, "zk_digest_mismatches_count") {
			mismatches = strings.Fields(line)[1]
		}
	}
	if mismatches != "0" {
		s.t.Errorf("%q digest mismatches", mismatches)
	}
	for line := range strings.Lines(s.log()) {
		if strings.Contains(line, "Error closing a command socket") {
			continue // it was asked before it had started
		}
		if strings.Contains(line, "ERROR") || strings.Contains(line, "igest") && strings.Contains(line, "WARN") {
			s.t.Errorf("the server complains: %s", line)
		}
	}
}
