package bench

import (
	"os"
	"testing"
	"testing/fstest"
	"time"
)

// Every figure of a sample comes from the right field, although the program's name holds brackets and blanks.
func TestSampleReadsProc(t *testing.T) {
	got, err := sampleProcess(os.DirFS("testdata/proc"), 4242)
	if err != nil {
		t.Fatal(err)
	}
	want := ProcessSample{
		At:   got.At,
		User: 12340 * time.Millisecond, System: 5670 * time.Millisecond,
		RSSBytes: 32 << 20, PeakRSSBytes: 40 << 20,
		WriteBytes: 65536, WrittenBytes: 987654, WriteCalls: 321,
		VoluntarySwitches: 2100, InvoluntarySwitches: 37,
	}
	if got != want {
		t.Fatalf("sample\n%+v, want\n%+v", got, want)
	}
}

// A process that is gone is an error, not a sample of zeros.
func TestSampleOfAGoneProcessFails(t *testing.T) {
	if _, err := sampleProcess(os.DirFS("testdata/proc"), 1); err == nil {
		t.Fatal("a process that does not exist was sampled")
	}
}

// A stat that cannot be understood is an error.
func TestSampleRefusesDamagedStat(t *testing.T) {
	for _, stat := range []string{"", "1 sh S", "1 (sh) S 1 2", "1 (sh) S 1 2 3 4 5 6 7 8 9 10 x y 13"} {
		proc := fstest.MapFS{"1/stat": {Data: []byte(stat)}, "1/status": {}}
		if _, err := sampleProcess(proc, 1); err == nil {
			t.Errorf("stat %q was understood", stat)
		}
	}
}

// This very process can be sampled on the real /proc.
func TestSampleOfThisProcess(t *testing.T) {
	sample, err := sampleProcess(os.DirFS("/proc"), os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if sample.RSSBytes == 0 || sample.PeakRSSBytes < sample.RSSBytes || sample.VoluntarySwitches == 0 {
		t.Fatalf("sample %+v lacks memory or switches", sample)
	}
}

// Usage is taken between the samples next to the measured part: what the warm-up used is not in it.
func TestUsageLeavesTheWarmupOut(t *testing.T) {
	start := time.Unix(1000, 0)
	var samples []ProcessSample
	for i := range 11 { // a sample every 100 ms; 90 ms of CPU for each before 500 ms, 40 ms after
		cpu := time.Duration(min(i, 5))*90*time.Millisecond + time.Duration(max(i-5, 0))*40*time.Millisecond
		samples = append(samples, ProcessSample{At: start.Add(time.Duration(i) * 100 * time.Millisecond), User: cpu})
	}
	got := usageDuring(samples, start.Add(520*time.Millisecond), 390*time.Millisecond)
	if got.Elapsed != 400*time.Millisecond || got.CPU() != 160*time.Millisecond {
		t.Fatalf("usage %+v, want 160 ms of CPU in 400 ms", got)
	}
	if got := usageDuring(samples[:1], start, time.Second); got != (Usage{}) {
		t.Fatalf("usage from one sample: %+v", got)
	}
}

// Switches of a thread that ended do not make a difference negative.
func TestUsageIsNeverNegative(t *testing.T) {
	before, after := ProcessSample{VoluntarySwitches: 10}, ProcessSample{VoluntarySwitches: 4}
	if got := usageBetween(before, after).VoluntarySwitches; got != 0 {
		t.Fatalf("%d switches", got)
	}
}
