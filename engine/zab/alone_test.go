package zab

import "testing"

// An ensemble of one elects itself through the same steps as any other, and commits what its own disk has.
func TestEnsembleOfOneCommitsWhatItsDiskHas(t *testing.T) {
	c, err := New(Config{ID: 1, Members: []Member{{ID: 1}}}, Durable{})
	if err != nil {
		t.Fatal(err)
	}
	c.Tick()
	rd := c.Ready()
	if want := (Epochs{Accepted: 1}); rd.Epochs != want || c.Phase() != Discovery {
		t.Fatalf("epochs %+v in %v, want %+v", rd.Epochs, c.Phase(), want)
	}
	c.EpochsPersisted(rd.Epochs)
	rd = c.Ready()
	if want := (Epochs{Accepted: 1, Current: 1}); rd.Epochs != want || c.Phase() != Synchronization {
		t.Fatalf("epochs %+v in %v, want %+v", rd.Epochs, c.Phase(), want)
	}
	if _, err := c.Propose(nil); err != ErrNotLeading {
		t.Fatalf("proposal before broadcast: %v", err)
	}
	c.EpochsPersisted(rd.Epochs)
	if c.Role() != Leading || c.Phase() != Broadcast || c.Epoch() != 1 {
		t.Fatalf("%+v", c.state)
	}
	z, err := c.Propose([]byte("a"))
	if err != nil || z != MakeZxid(1, 1) {
		t.Fatalf("%v, %v", z, err)
	}
	rd = c.Ready()
	if len(rd.Entries) != 1 || len(rd.Committed) != 0 {
		t.Fatalf("%+v before the sync", rd)
	}
	c.Persisted(z)
	rd = c.Ready()
	if len(rd.Committed) != 1 || rd.Committed[0].Zxid != z {
		t.Fatalf("%+v after the sync", rd)
	}
}
