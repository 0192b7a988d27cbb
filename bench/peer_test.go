package bench

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// The peer, where its package is installed, starts, serves, tells its counters, and ends in good order.
func TestZooKeeperPeer(t *testing.T) {
	zookeeper, err := findZooKeeper(t.Context())
	if err != nil {
		t.Skip(err)
	}
	root := t.TempDir()
	p, err := zookeeper.start(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := fourLetterWord(t.Context(), p.addr, "mntr")
	if err != nil {
		t.Error(err)
	} else if values := parseMonitor(answer); values["zk_server_state"] != "standalone" {
		t.Errorf("mntr: %s", answer)
	}
	if !strings.Contains(p.party.What, "Apache ZooKeeper 3.") || !strings.Contains(p.party.Config, "dataDir=data") {
		t.Errorf("party %+v", p.party)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
}

// Without Java the peer is refused, with what to install.
func TestPeerWithoutJava(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := findZooKeeper(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no java on the PATH") || !strings.Contains(err.Error(), "apt-get install") {
		t.Fatalf("error %v", err)
	}
}

// mntr is read line by line; what is no counter is passed over, and only what tables or readers need is kept.
func TestMonitorIsRead(t *testing.T) {
	addr := answerOnce(t, "zk_version\t3.9.5\nThis is no counter\nzk_cnt_fsynctime\t3\nzk_p50_fsynctime\t1\nzk_p99_fsynctime\t2\n"+
		"zk_watch_count\t7\nzk_znode_count\t9\n")
	answer, err := fourLetterWord(t.Context(), addr, "mntr")
	if err != nil {
		t.Fatal(err)
	}
	values := parseMonitor(answer)
	if len(values) != 6 || values["zk_watch_count"] != "7" {
		t.Errorf("values %v", values)
	}
	if kept := ofInterest(values); len(kept) != 4 || kept["zk_znode_count"] != "9" {
		t.Errorf("kept %v", kept)
	}
}

// A server tells of its syncs in milliseconds, as Apache does, or in microseconds; one that had none tells nothing.
func TestSyncLatencyKnowsItsUnit(t *testing.T) {
	for _, test := range []struct {
		values map[string]string
		want   SyncLatency
	}{
		{map[string]string{"zk_cnt_fsynctime": "3", "zk_p50_fsynctime": "1", "zk_p99_fsynctime": "2"},
			SyncLatency{Count: 3, P50: time.Millisecond, P99: 2 * time.Millisecond}},
		{map[string]string{"zk_cnt_fsynctime_us": "9", "zk_p50_fsynctime_us": "151", "zk_p99_fsynctime_us": "408"},
			SyncLatency{Count: 9, P50: 151 * time.Microsecond, P99: 408 * time.Microsecond}},
	} {
		got := syncLatencyOf(test.values)
		if got == nil || got.Count != test.want.Count || got.P50 != test.want.P50 || got.P99 != test.want.P99 {
			t.Errorf("%v: %+v, want %+v", test.values, got, test.want)
		}
	}
	for _, values := range []map[string]string{nil, {"zk_p50_fsynctime": "x"}, {"zk_cnt_fsynctime_us": "0", "zk_p50_fsynctime_us": "0", "zk_p99_fsynctime_us": "0"}} {
		if got := syncLatencyOf(values); got != nil {
			t.Errorf("%v: %+v", values, got)
		}
	}
}

// A server that does not answer a word is an error, not an empty answer.
func TestMonitorThatIsNotAllowed(t *testing.T) {
	if answer, err := fourLetterWord(t.Context(), answerOnce(t, ""), "mntr"); err == nil {
		t.Fatalf("answer %q", answer)
	}
	if _, err := fourLetterWord(t.Context(), "127.0.0.1:1", "mntr"); err == nil || !strings.Contains(err.Error(), "mntr to 127.0.0.1:1") {
		t.Fatalf("error %v", err)
	}
}

// answerOnce serves one connection: it reads a word, answers, and closes.
func answerOnce(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := bufio.NewReader(conn).Peek(4); err == nil {
			fmt.Fprint(conn, text)
		}
	}()
	return listener.Addr().String()
}
