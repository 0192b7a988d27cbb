package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

func mustRun(t *testing.T, c Config) *Result {
	t.Helper()
	res, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A run of a count measures exactly so many requests, in about the proportions of the mix, and leaves nothing behind.
func TestRunMeasuresItsCount(t *testing.T) {
	for _, rate := range []float64{0, 50_000} {
		s := newStub(t, 100).start()
		c := quick(s)
		c.Rate, c.Depth, c.Workers, c.Count, c.Sessions = rate, 8, 2, 5003, 5
		c.Mix = Mix{Get: 40, Set: 20, Exists: 5, Children: 5, ACL: 5, Sync: 5, Create: 10, Delete: 5, Multi: 5}
		res := mustRun(t, c)
		if res.Requests.Answered != c.Count || res.Total.Latency.Count != c.Count || res.Good < c.Count || len(res.Errors) != 0 {
			t.Errorf("rate %g: answered %d, measured %d, good %d, errors %v", rate, res.Requests.Answered, res.Total.Latency.Count, res.Good, res.Errors)
		}
		if res.Requests.Unanswered != 0 || res.Requests.Unsent != 0 || res.Requests.Strange != 0 {
			t.Errorf("rate %g: requests %+v", rate, res.Requests)
		}
		if len(res.Ops) != 9 || res.Ops[0].Latency.Count < c.Count*3/10 || res.Ops[0].Latency.Count > c.Count/2 {
			t.Errorf("rate %g: ops %+v", rate, res.Ops)
		}
		if made, removed := s.creates.Load(), s.deletes.Load(); made != removed {
			t.Errorf("rate %g: %d znodes made, %d removed", rate, made, removed)
		}
	}
}

// A timed run measures its whole duration, and has a point for every second of it, in both models.
func TestTimedRunHasEverySecond(t *testing.T) {
	for _, rate := range []float64{0, 100} {
		c := quick(newStub(t, 10).start())
		c.Rate, c.Count, c.Warmup, c.Duration, c.Workers = rate, 0, 0, 2*time.Second, 2
		res := mustRun(t, c)
		if len(res.Series) != 2 || res.Seconds != 2 {
			t.Errorf("rate %g: %g s, series %+v", rate, res.Seconds, res.Series)
		}
		if rate > 0 && res.Requests.Answered != 200 {
			t.Errorf("%d requests were due in 2 s at %g/s", res.Requests.Answered, rate)
		}
	}
}

// Kept keys stay; what the load created goes.
func TestKeepLeavesTheKeys(t *testing.T) {
	s := newStub(t, 10).start()
	c := quick(s)
	c.Keep, c.Mix = true, Mix{Get: 1, Create: 1}
	mustRun(t, c)
	keys, dirs, root := int64(c.Keys), int64(1), int64(1)
	if left := s.creates.Load() - s.deletes.Load(); left != keys+dirs+root {
		t.Fatalf("%d znodes left, want the %d keys, their directory and the root", left, keys)
	}
}

// The same seed puts the same operations on the same keys, in the same order.
func TestSameSeedSameRequests(t *testing.T) {
	requests := func(seed uint64) []string {
		s := newStub(t, 10)
		var mu sync.Mutex
		var all []string
		s.seen = func(h wire.RequestHeader, path string) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, h.Op.String()+path)
		}
		c := quick(s.start())
		c.Sessions, c.Depth, c.Count, c.Seed = 1, 4, 500, seed
		c.Mix, c.KeyDist = Mix{Get: 2, Set: 1, Exists: 1}, KeyDist{Kind: Zipf, Theta: 0.8}
		mustRun(t, c)
		return all
	}
	first, again, other := requests(3), requests(3), requests(4)
	if !slices.Equal(first, again) {
		t.Error("the same seed gave other requests")
	}
	if slices.Equal(first, other) {
		t.Error("another seed gave the same requests")
	}
}

// Errors are counted by the name of their code, and are not among the latencies.
func TestErrorsAreCountedByCode(t *testing.T) {
	s := newStub(t, 100)
	s.code = func(h wire.RequestHeader) wire.Code {
		if h.Op == wire.OpExists {
			return wire.NoNode
		}
		return wire.OK
	}
	c := quick(s.start())
	c.Mix = Mix{Get: 1, Exists: 1}
	res := mustRun(t, c)
	failed := res.Errors["NONODE"]
	if failed == 0 || failed != res.Requests.Failed || failed != res.Ops[1].Errors["NONODE"] || len(res.Errors) != 1 {
		t.Fatalf("errors %v, requests %+v", res.Errors, res.Requests)
	}
	if res.Total.Latency.Count+failed != c.Count || res.Ops[1].Latency.Count != 0 {
		t.Fatalf("%d latencies and %d errors of %d requests", res.Total.Latency.Count, failed, c.Count)
	}
}

// A multi that failed inside counts as the error that made it fail.
func TestFailedMultiIsAnError(t *testing.T) {
	body := wire.AppendMultiError(nil, wire.OK)
	body = wire.AppendMultiError(body, wire.BadVersion)
	body = wire.AppendMultiEnd(wire.AppendMultiError(body, wire.RuntimeInconsistency))
	if code := new(worker).inspect(Multi, body); code != wire.BadVersion {
		t.Fatalf("inspected as %v", code)
	}
}

// A server that answers out of order fails the run, and the result says so.
func TestBrokenOrderFailsTheRun(t *testing.T) {
	s := newStub(t, 10)
	broken := false
	s.before = func(c *stubConn) verb {
		if c.number == 1 && c.answers > 100 && !broken { // connection 0 asks for the version
			broken = true
			c.out = wire.AppendReply(c.out[:0], 1<<30, 1, wire.OK)
		}
		return write
	}
	c := quick(s.start())
	c.Sessions, c.Keys = 1, 10
	res, err := Run(context.Background(), c)
	if !errors.Is(err, client.ErrOrder) || res == nil || res.Connections.OrderViolations != 1 {
		t.Fatalf("error %v, result %+v", err, res)
	}
}

// A lost connection is counted, the session goes on, and the run comes to its end.
func TestLostConnectionsAreResumed(t *testing.T) {
	s := newStub(t, 10)
	s.before = func(c *stubConn) verb {
		if c.number <= 4 && c.answers > 200 { // the first connection of each session
			return hangUp
		}
		return write
	}
	c := quick(s.start())
	c.Depth, c.Keys = 4, 10
	res := mustRun(t, c)
	if n := res.Connections; n.Lost != 4 || n.Resumed != 4 || n.Opened != 4 {
		t.Fatalf("connections %+v", n)
	}
	if lost := res.Errors["CONNECTIONLOSS"]; lost == 0 || lost > 16 || res.Requests.Answered != c.Count {
		t.Fatalf("errors %v, requests %+v", res.Errors, res.Requests)
	}
	if len(res.Notes) == 0 || !strings.Contains(strings.Join(res.Notes, " "), "4 connections were lost") {
		t.Fatalf("notes %q", res.Notes)
	}
}

// atLeast counts the recorded values that may be so long, given the histogram's steps.
func atLeast(h *hdr.Histogram, d time.Duration) (n int64) {
	for _, bar := range h.Distribution() {
		if bar.To >= int64(d) {
			n += bar.Count
		}
	}
	return n
}

// stall is an open loop in which the server says nothing from request 100 until request 200 is due. Whoever was due
// in between waited at least until then, one millisecond less each, however fast or slow this machine is.
const (
	stallRate  = 1000
	stallFrom  = 100
	stallUntil = 200
)

func expectStall(t *testing.T, h *hdr.Histogram) {
	t.Helper()
	for i := int64(stallFrom); i < stallUntil; i++ {
		least := time.Duration(stallUntil-i) * time.Millisecond
		if n := atLeast(h, least); n < i-stallFrom+1 {
			t.Fatalf("only %d requests took %v or longer, %d were held that long", n, least, i-stallFrom+1)
		}
	}
}

// A stall shows in full while the requests that are due can be sent: each has its own latency.
func TestStallShowsInFullWithRequestsInFlight(t *testing.T) {
	s := newStub(t, 10)
	c := quick(s)
	c.Sessions, c.Workers, c.Depth, c.Rate, c.Count, c.Mix = 1, 1, 500, stallRate, 300, Mix{Get: 1}
	prepared := 1 + 1 + c.Keys // root, directory, keys: what comes before the load
	s.before = func(sc *stubConn) verb {
		if n := sc.answers - prepared; n > stallFrom && n <= stallUntil {
			return hold
		}
		return write
	}
	s.start()
	res := mustRun(t, c)
	expectStall(t, res.Histogram(Get))
}

// A stall shows in full even if nothing more can be sent: the requests that were due meanwhile wait for a free slot, are
// sent late, and their latency runs from when they were due.
func TestStallShowsInFullWithoutRoom(t *testing.T) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	s := newStub(t, 10)
	c := quick(s)
	c.Sessions, c.Workers, c.Depth, c.Rate, c.Count, c.Mix = 1, 1, 1, stallRate, 300, Mix{Get: 1}
	prepared := 1 + 1 + c.Keys
	s.before = func(sc *stubConn) verb {
		if sc.answers == prepared+stallFrom+1 {
			<-release
		}
		return write
	}
	c.turn = func(w *worker) {
		if client.Now() >= w.run.zero+stallUntil*int64(time.Second)/stallRate {
			free()
		}
	}
	s.start()
	res := mustRun(t, c)
	expectStall(t, res.Histogram(Get))
	if res.Open.Pressed < stallUntil-stallFrom-1 {
		t.Errorf("%d requests waited for a slot, want %d", res.Open.Pressed, stallUntil-stallFrom-1)
	}
	if res.Requests.Answered != c.Count || time.Duration(res.Open.Lag.Max) < 95*time.Millisecond {
		t.Errorf("answered %d, longest lag %v", res.Requests.Answered, time.Duration(res.Open.Lag.Max))
	}
}

// A generator that is busy with something else sends late though sessions had room: the run is invalid, and says why.
func TestSlowGeneratorMakesTheRunInvalid(t *testing.T) {
	s := newStub(t, 10).start()
	c := quick(s)
	c.Sessions, c.Depth, c.Rate, c.Count = 4, 64, 1000, 300
	c.turn = func(*worker) {
		for until := client.Now() + int64(20*time.Millisecond); client.Now() < until; {
		}
	}
	res := mustRun(t, c)
	if res.Verdict.Valid || !strings.Contains(res.Verdict.String(), "late though sessions had room") {
		t.Fatalf("verdict %v; lag %+v", res.Verdict, res.Open.OwnLag)
	}
	if res.Requests.Answered != c.Count {
		t.Fatalf("late requests were dropped: %d of %d answered", res.Requests.Answered, c.Count)
	}
}

// Servers that cannot be reached are named, with what was tried.
func TestUnreachableServersAreNamed(t *testing.T) {
	s := newStub(t, 10)
	s.listener.Close()
	c := quick(s)
	c.Patience = 50 * time.Millisecond
	res, err := Run(context.Background(), c)
	if res != nil || !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), s.addr()) || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("result %v, error %v", res, err)
	}
}

// A server that refuses to prepare the keys is an error that names the znode, the code and the remedy.
func TestRefusedPreparationIsExplained(t *testing.T) {
	s := newStub(t, 10)
	s.code = func(wire.RequestHeader) wire.Code { return wire.NoAuth }
	res, err := Run(context.Background(), quick(s.start()))
	if res != nil || err == nil {
		t.Fatalf("result %v, error %v", res, err)
	}
	for _, word := range []string{"/bellwether-load", "NOAUTH", "credential"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// When the servers die in mid-run, what was measured is kept and marked.
func TestDeadServerLeavesAPartialResult(t *testing.T) {
	s := newStub(t, 10)
	s.before = func(c *stubConn) verb {
		if s.requests.Load() > 1000 {
			s.listener.Close()
			return hangUp
		}
		return write
	}
	c := quick(s.start())
	c.Count, c.Patience = 1_000_000, 100*time.Millisecond
	res, err := Run(context.Background(), c)
	if !errors.Is(err, ErrUnreachable) || res == nil {
		t.Fatalf("result %v, error %v", res, err)
	}
	if !res.Partial || res.PartialReason != err.Error() || res.Good == 0 || res.Total.Latency.Count == 0 {
		t.Fatalf("partial %v (%s), %d good replies", res.Partial, res.PartialReason, res.Good)
	}
}

// An interrupted run stops loading, cleans up, and keeps what was measured, marked.
func TestInterruptedRunIsPartialAndCleanedUp(t *testing.T) {
	s := newStub(t, 10)
	ctx, cancel := context.WithCancel(context.Background())
	s.before = func(c *stubConn) verb {
		if s.requests.Load() > 2000 {
			cancel()
		}
		return write
	}
	c := quick(s.start())
	c.Count, c.Mix = 1_000_000_000, Mix{Get: 1, Create: 1}
	res, err := Run(ctx, c)
	if !errors.Is(err, context.Canceled) || res == nil || !res.Partial || res.Good == 0 {
		t.Fatalf("result %v, error %v", res, err)
	}
	if made, removed := s.creates.Load(), s.deletes.Load(); made != removed {
		t.Errorf("%d znodes made, %d removed", made, removed)
	}
}

// The result carries the configuration, never a credential, and its report begins with the verdict.
func TestResultTellsTheRecipeButNoSecret(t *testing.T) {
	c := quick(newStub(t, 10).start())
	c.Auth = []client.Auth{{Scheme: "digest", Credential: []byte("user:secret")}}
	c.Rate, c.Depth = 20_000, 32
	res := mustRun(t, c)
	b, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Schema int
		Model  string
		Config struct {
			Mix  string
			Seed uint64
		}
		Servers     []Server
		AuthSchemes []string `json:"auth_schemes"`
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Schema != Schema || back.Model != "open" || back.Config.Mix != "get=90,set=10" || back.Config.Seed != 1 ||
		back.Servers[0].Version != "0.0.0-stub" || !slices.Equal(back.AuthSchemes, []string{"digest"}) {
		t.Errorf("read back %+v", back)
	}
	if bytes.Contains(b, []byte("secret")) || bytes.Contains(b, []byte("dXNlcjpzZWNyZXQ")) {
		t.Error("the credential is in the result")
	}
	var text strings.Builder
	if err := res.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	first, rest, _ := strings.Cut(text.String(), "\n")
	if !strings.Contains(first, "VALID") {
		t.Errorf("the report begins with %q", first)
	}
	for _, word := range []string{"open loop", "get=90,set=10", "0.0.0-stub", "p99.99", "service time", "send lag", "total"} {
		if !strings.Contains(rest, word) {
			t.Errorf("the report does not say %q:\n%s", word, rest)
		}
	}
}

// Once a load is running, a request costs no allocation.
func TestLoadAllocatesNothingPerRequest(t *testing.T) {
	const batch = 2000
	for _, rate := range []float64{0, MaxRate} { // a rate no machine reaches: always something is due
		c := quick(newStub(t, 100).start())
		c.Rate, c.Depth, c.Workers, c.Count = rate, 16, 1, 0
		c.Duration = time.Hour
		c.Mix = Mix{Get: 50, Set: 30, Exists: 5, Create: 10, Delete: 5, Multi: 5, Children: 5, Sync: 5, ACL: 5}
		r, err := newRun(context.Background(), c.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		w := r.workers[0]
		defer w.loop.Close()
		if err := w.connect(); err != nil {
			t.Fatal(err)
		}
		r.setTimes()
		w.recorder = newRecorder(&r.config, r.zero, r.start, r.end, r.seconds)
		w.schedule = newSchedule(&r.config, 0, r.zero)
		w.loading = true
		work := func() {
			for w.recorder.measured = 0; w.recorder.measured < batch; {
				if rate > 0 {
					w.sendDue(client.Now())
				} else {
					for i := range w.sessions {
						w.refill(&w.sessions[i], w.run.start)
					}
				}
				if err := w.turn(client.Now() + int64(time.Millisecond)); err != nil {
					t.Fatal(err)
				}
			}
			for len(r.seconds) > 0 {
				<-r.seconds
			}
		}
		if n := testing.AllocsPerRun(5, work); n > batch/200 { // a few once a second: its histogram
			t.Errorf("rate %g: %v allocations in %d requests", rate, n, batch)
		}
	}
}

// Against a real server, named by BELLWETHER_TEST_SERVERS: both models work and clean up.
func TestRunAgainstARealServer(t *testing.T) {
	connect := os.Getenv("BELLWETHER_TEST_SERVERS")
	if connect == "" {
		t.Skip("BELLWETHER_TEST_SERVERS is not set to host:port")
	}
	for _, rate := range []float64{0, 2000} {
		c := DefaultConfig()
		c.Servers, c.Chroot, _ = client.ParseServers(connect + "/loadgen-test")
		c.Sessions, c.Depth, c.Rate, c.Keys, c.Warmup, c.Duration = 8, 8, rate, 1000, 200*time.Millisecond, time.Second
		c.Mix = Mix{Get: 50, Set: 20, Exists: 5, Children: 5, ACL: 5, Sync: 5, Create: 10, Delete: 5, Multi: 5}
		c.Auth = []client.Auth{{Scheme: "digest", Credential: []byte("u:p")}}
		res := mustRun(t, c)
		if len(res.Errors) != 0 || res.Good == 0 || res.Requests.Strange != 0 || len(res.Ops) != 9 {
			t.Errorf("rate %g: errors %v, %d good, requests %+v", rate, res.Errors, res.Good, res.Requests)
		}
		z, err := client.Dial(t.Context(), connect, client.ClientOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := z.Exists(t.Context(), "/loadgen-test", false); ok || err != nil {
			t.Errorf("rate %g: the run left something behind (%v, %v)", rate, ok, err)
		}
		z.Close()
	}
}
