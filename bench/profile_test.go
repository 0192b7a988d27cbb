package bench

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each kind of stack falls to the stage that a reader of the code would name; the leaf stands first.
func TestStagesOfStacks(t *testing.T) {
	const loop = "github.com/panjf2000/gnet/v2.(*eventloop).read"
	for _, test := range []struct {
		want  Stage
		stack []string
	}{
		{StageNetwork, []string{"internal/runtime/syscall.Syscall6", "syscall.write", "golang.org/x/sys/unix.Write", "github.com/panjf2000/gnet/v2.(*conn).write", "bellwether/server.(*edge).Write", "bellwether/engine.(*Conn).flush", "bellwether/engine.(*Loop).Traffic", loop}},
		{StageNetwork, []string{"internal/runtime/syscall.EpollWait", "github.com/panjf2000/gnet/v2/pkg/netpoll.(*Poller).Polling"}},
		{StageDecode, []string{"encoding/binary.bigEndian.Uint32", "bellwether/engine/wire.(*Reader).Int", "bellwether/engine.(*Conn).getData", "bellwether/engine.(*Conn).read", loop}},
		{StageDecode, []string{"bellwether/engine/wire.NextFrame", "bellwether/engine.(*Conn).consume", "bellwether/engine.(*Loop).Traffic", loop}},
		{StageRead, []string{"runtime.memhash", "bellwether/engine/tree.(*Tree).View", "bellwether/engine.(*Conn).getData", "bellwether/engine.(*Conn).consume", loop}},
		{StageRead, []string{"runtime.memmove", "bellwether/engine/wire.AppendStat", "bellwether/engine.(*Conn).getData", "bellwether/engine.(*Conn).consume", loop}},
		{StagePrepare, []string{"runtime.memmove", "bellwether/engine.(*Loop).keep", "bellwether/engine.(*Loop).add", "bellwether/engine.(*Conn).handOver", "bellwether/engine.(*Conn).request", loop}},
		{StagePrepare, []string{"bellwether/engine/wire.(*SetDataRequest).Decode", "bellwether/engine/replica.(*preparer).change", "bellwether/engine.(*Engine).think"}},
		{StagePrepare, []string{"runtime.mallocgc", "runtime.growslice", "bellwether/engine/wire.(*SetDataTxn).Append", "bellwether/engine/replica.(*preparer).prepareSetData", "bellwether/engine.(*Engine).runCore"}},
		{StagePrepare, []string{"bellwether/engine/tree.(*Tree).View", "bellwether/engine/replica.(*preparer).lookup"}},
		{StageLog, []string{"internal/runtime/syscall.Syscall6", "syscall.Fdatasync", "bellwether/wal.(*Log).Sync", "bellwether/engine.(*Engine).commit", "bellwether/engine.(*Engine).runCommit"}},
		{StageLog, []string{"github.com/cespare/xxhash/v2.Sum64", "bellwether/wal.(*Log).Append"}},
		{StageLog, []string{"runtime.futex", "runtime.gopark", "bellwether/engine.(*commitQueue).take", "bellwether/engine.(*Engine).runCommit"}},
		{StageBroadcast, []string{"bellwether/engine/zab.(*Core).Ready", "bellwether/engine.(*Engine).think"}},
		{StageApply, []string{"runtime.mapassign", "bellwether/engine/tree.(*Tree).SetData", "bellwether/engine/replica.(*Applier).Apply", "bellwether/engine.(*applier).apply"}},
		{StageApply, []string{"bellwether/engine/wire.(*Reader).Long", "bellwether/engine/replica.(*Applier).Apply"}},
		{StageApply, []string{"bellwether/engine/watch.(*Table).Trigger", "bellwether/engine.(*applier).Changed"}},
		{StageReply, []string{"runtime.memmove", "bellwether/engine.(*outbox).push", "bellwether/engine.(*applier).publish"}},
		{StageReply, []string{"runtime.memmove", "bellwether/engine.(*Conn).answered", "bellwether/engine.(*Loop).drain", "bellwether/engine.(*Loop).Turn"}},
		{StageGC, []string{"runtime.scanobject", "runtime.gcDrain", "runtime.systemstack", "runtime.gcBgMarkWorker"}},
		{StageGC, []string{"runtime.gcDrainN", "runtime.gcAssistAlloc1", "runtime.gcAssistAlloc", "runtime.mallocgc", "bellwether/engine/replica.(*preparer).prepareSetData"}},
		{StageScheduler, []string{"runtime.futex", "runtime.notesleep", "runtime.findRunnable", "runtime.schedule", "runtime.park_m", "runtime.mcall"}},
		{StageOther, []string{"runtime.memmove", "main.main"}},
	} {
		if got := classify(test.stack); got != test.want {
			t.Errorf("%v is %s, want %s", test.stack, got, test.want)
		}
	}
}

// Every rule names a stage that tables show.
func TestStageRulesUseKnownStages(t *testing.T) {
	for _, rule := range stageRules {
		if !bytes.Contains([]byte(fmt.Sprint(stages)), []byte(rule.stage)) {
			t.Errorf("rule %+v has a stage of its own", rule)
		}
	}
}

// A profile's summary has every moment in one stage, counts inlined frames, and counts a recursion once.
func TestProfileSummary(t *testing.T) {
	const name = "testdata/cpu.pprof"
	if *update {
		var b bytes.Buffer
		if err := smallProfile().Write(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got, err := summarizeProfile(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Wall != 2*time.Second || got.CPU != time.Second {
		t.Errorf("%v of CPU in %v, want 1s in 2s", got.CPU, got.Wall)
	}
	want := map[Stage]float64{StageNetwork: 0.5, StageDecode: 0.2, StageRead: 0.25, StageGC: 0.05}
	var sum float64
	for i, s := range got.Stages {
		if s.Stage != stages[i] || s.Share != want[s.Stage] {
			t.Errorf("stage %d is %+v, want %s with %v", i, s, stages[i], want[stages[i]])
		}
		sum += s.Share
	}
	if sum != 1 {
		t.Errorf("the stages add up to %v", sum)
	}
	if top := got.Top[0]; top != (FunctionShare{"syscall.Write", 0.5, 0.5}) {
		t.Errorf("first function %+v", top)
	}
	for _, f := range got.Top {
		if f.Name == "bellwether/engine/tree.(*Tree).walk" && f.Cum != 0.25 {
			t.Errorf("a function in its own stack counts %v, want 0.25", f.Cum)
		}
	}
	got.Case = Case{Scenario: scenarios[0], ValueBytes: 100, Shape: Shape{64, 32}}
	got.Party = nameServer
	golden(t, "testdata/cpu.txt", got.text())
}

// What is no profile, or one without CPU time, is an error.
func TestProfileSummaryRefusesOthers(t *testing.T) {
	if _, err := summarizeProfile([]byte("no profile")); err == nil {
		t.Error("garbage was summarized")
	}
	heap := smallProfile()
	heap.SampleType = []*profile.ValueType{{Type: "objects", Unit: "count"}, {Type: "space", Unit: "bytes"}}
	var b bytes.Buffer
	if err := heap.Write(&b); err != nil {
		t.Fatal(err)
	}
	if _, err := summarizeProfile(b.Bytes()); err == nil || !strings.Contains(err.Error(), "no CPU time") {
		t.Errorf("a heap profile: %v", err)
	}
}

// A server without profiles, and one that is gone, give errors that name the address.
func TestFetchProfile(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		if r.URL.Query().Get("seconds") != "7" {
			http.Error(w, "busy", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, "profile")
	}))
	addr := server.Listener.Addr().String()
	if got, err := fetchProfile(t.Context(), addr, 7); err != nil || string(got) != "profile" {
		t.Errorf("got %q, %v", got, err)
	}
	if asked != "/debug/pprof/profile?seconds=7" {
		t.Errorf("asked for %s", asked)
	}
	if _, err := fetchProfile(t.Context(), addr, 8); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("a refusal: %v", err)
	}
	server.Close()
	if _, err := fetchProfile(t.Context(), addr, 7); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("a server that is gone: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetchProfile(done, addr, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// smallProfile has four samples: half network, the rest decode, read (recursive) and GC.
func smallProfile() *profile.Profile {
	p := &profile.Profile{
		SampleType:    []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		DurationNanos: int64(2 * time.Second),
	}
	functions := map[string]*profile.Function{}
	line := func(name string) profile.Line {
		f := functions[name]
		if f == nil {
			f = &profile.Function{ID: uint64(len(functions) + 1), Name: name}
			functions[name] = f
			p.Function = append(p.Function, f)
		}
		return profile.Line{Function: f}
	}
	add := func(share time.Duration, stack ...[]string) { // each element: one location, inlined frames first
		sample := &profile.Sample{Value: []int64{1, int64(share)}}
		for _, frames := range stack {
			location := &profile.Location{ID: uint64(len(p.Location) + 1)}
			for _, name := range frames {
				location.Line = append(location.Line, line(name))
			}
			p.Location = append(p.Location, location)
			sample.Location = append(sample.Location, location)
		}
		p.Sample = append(p.Sample, sample)
	}
	loop := []string{"github.com/panjf2000/gnet/v2.(*eventloop).read"}
	add(500*time.Millisecond, []string{"syscall.Write"}, []string{"github.com/panjf2000/gnet/v2.(*conn).write"}, loop)
	add(200*time.Millisecond, []string{"encoding/binary.bigEndian.Uint32", "bellwether/engine/wire.(*Reader).Int"}, loop)
	walk := []string{"bellwether/engine/tree.(*Tree).walk"}
	add(250*time.Millisecond, walk, walk, []string{"bellwether/engine/tree.(*Tree).View"}, []string{"bellwether/engine.(*Conn).getData"}, loop)
	add(50*time.Millisecond, []string{"runtime.scanobject"}, []string{"runtime.gcBgMarkWorker"})
	return p
}

// golden compares got with a stored file, or stores it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s differs; got\n%s", name, got)
	}
}

// A profile that is kept names the binary without the folder it was built in, and loses nothing else.
func TestKeptProfilesNameNoFolders(t *testing.T) {
	data, err := os.ReadFile("testdata/cpu.pprof")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := withoutFolders(data)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := profile.ParseData(data)
	after, err := profile.ParseData(kept)
	if err != nil || len(after.Sample) != len(before.Sample) {
		t.Fatalf("%d samples of %d, %v", len(after.Sample), len(before.Sample), err)
	}
	for _, m := range after.Mapping {
		if strings.Contains(m.File, "/") {
			t.Errorf("mapping of %s", m.File)
		}
	}
}
