package sim

import (
	"testing"
)

// Each deliberate mistake in a server is caught within a few hundred seeds.
func TestMistakesAreCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	const enough = 400
	brittle := Faults{FailCall: 0.02, Crash: 0.02}
	mistakes := []struct {
		name   string
		bugs   bugs
		faults Faults // zero: all of them
	}{
		{"entries are acknowledged before they are synced", bugs{ackBeforeSync: true}, Faults{}},
		{"a failed sync is taken for one that succeeded", bugs{retrySync: true}, brittle},
		{"epochs are not written", bugs{forgetEpochs: true}, Faults{}},
		{"recovery leaves out a transaction", bugs{skipReplay: true}, Faults{}},
		{"a snapshot is made without the sessions", bugs{noSessions: true}, Faults{}},
		{"a snapshot bears the zxid of a later moment", bugs{lateZxid: true}, Faults{}},
		{"the log is released before the snapshot is complete", bugs{releaseEarly: true}, Faults{}},
		{"what is pending is forgotten before it is applied", bugs{releaseUnapplied: true}, Faults{}},
		{"a closing session's ephemerals stay", bugs{keepEphemerals: true}, Faults{}},
		{"sessions are not tracked after a restart", bugs{forgetSessions: true}, Faults{}},
		{"barriers are answered out of their place", bugs{earlyBarriers: true}, Faults{}},
		{"reads overtake the writes of their session", bugs{readsOvertake: true}, Faults{}},
		{"sessions expire though they were heard of", bugs{deaf: true}, Faults{}},
		{"sessions expire too soon", bugs{expireEarly: true}, Faults{}},
	}
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= enough; seed++ {
				o := Options{Faults: m.faults, bugs: m.bugs}
				if o.Faults == (Faults{}) {
					o.Faults = AllFaults(seed)
				}
				if err := NewWorld(seed, o).Run(*stepCount); err != nil {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("not caught in %d seeds", enough)
		})
	}
}
