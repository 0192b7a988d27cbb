package engine

import (
	"fmt"
	"strings"
	"testing"

	"bellwether/engine/wire"
	"bellwether/wal/memfs"
)

// A session, its ephemerals and all data survive a restart; the session resumes with its password and with no other.
func TestSessionsAndDataSurviveARestart(t *testing.T) {
	disk := memfs.New(1)
	b := newBed(t, disk, 1, testOptions(disk))
	c := b.connect(0)
	c.send(create(1, "/kept", "value", wire.Persistent))
	c.reply(1, wire.OK)
	c.send(create(2, "/mine", "", wire.Ephemeral))
	c.reply(2, wire.OK)
	b.stop()

	b = newBed(t, disk, 1, testOptions(disk))
	defer b.stop()
	stranger := b.accept(0)
	stranger.handshake(wire.ConnectRequest{SessionID: c.session.SessionID, Passwd: make([]byte, 16), Timeout: 30_000})
	if stranger.session.Timeout != 0 || stranger.session.SessionID != 0 {
		t.Fatalf("a wrong password was answered with %+v, want a session that is gone", stranger.session)
	}
	again := b.accept(0)
	again.handshake(wire.ConnectRequest{SessionID: c.session.SessionID, Passwd: c.session.Passwd, Timeout: 30_000})
	if again.session.SessionID != c.session.SessionID {
		t.Fatalf("resume was answered with %+v", again.session)
	}
	again.send(get(3, "/kept", false))
	if data, _ := again.reply(3, wire.OK).data(t); data != "value" {
		t.Fatalf("data after the restart: %q", data)
	}
	again.send(get(4, "/mine", false))
	if _, stat := again.reply(4, wire.OK).data(t); stat.EphemeralOwner != c.session.SessionID {
		t.Fatalf("ephemeral owner after the restart: 0x%x", stat.EphemeralOwner)
	}
	again.send(wire.AppendCloseSession(nil, 5))
	again.reply(5, wire.OK)
	if _, open := again.nextUnlessClosed(); open {
		t.Fatal("something came behind the answer to closeSession")
	}
	other := b.connect(0)
	other.send(get(1, "/mine", false))
	other.reply(1, wire.NoNode)
}

// Whatever was acknowledged before the machine lost power is there afterwards.
func TestAcknowledgedWritesSurviveACrash(t *testing.T) {
	for seed := range uint64(20) {
		disk := memfs.New(seed)
		b := newBed(t, disk, 1, testOptions(disk))
		c := b.connect(0)
		const acknowledged = 60
		for i := range int32(acknowledged) {
			c.send(create(i+1, fmt.Sprintf("/n%d", i), "", wire.Persistent))
			c.reply(i+1, wire.OK)
		}
		for i := range int32(200) { // nobody waits for these
			c.send(create(acknowledged+i+1, fmt.Sprintf("/u%d", i), "", wire.Persistent))
		}
		after := disk.Crash(memfs.Variants(8)[seed%8])
		b.stop()

		b = newBed(t, after, 1, testOptions(after))
		c = b.connect(0)
		for i := range int32(acknowledged) {
			c.send(get(i+1, fmt.Sprintf("/n%d", i), false))
			c.reply(i+1, wire.OK)
		}
		b.stop()
	}
}

// Snapshots are taken while writes go on, old ones are removed, and a start from the last one gives the same tree.
func TestStartFromSnapshotAndLog(t *testing.T) {
	disk := memfs.New(3)
	o := testOptions(disk)
	o.SnapshotTxns, o.SnapshotBytes = 50, 1
	b := newBed(t, disk, 1, o)
	c := b.connect(0)
	const znodes = 2000
	for i := range int32(znodes) {
		c.send(create(i+1, fmt.Sprintf("/n%d", i), fmt.Sprint(i), wire.Persistent))
	}
	for i := range int32(znodes) {
		c.reply(i+1, wire.OK)
	}
	b.stop()
	if n := b.e.Status().Snapshots; n == 0 {
		t.Fatal("no snapshot was taken")
	}
	b = newBed(t, disk, 1, o)
	defer b.stop()
	if b.e.snaps.txns >= znodes {
		t.Fatalf("%d transactions were replayed: the snapshot was not used", b.e.snaps.txns)
	}
	c = b.connect(0)
	for i := range int32(znodes) {
		c.send(get(i+1, fmt.Sprintf("/n%d", i), false))
		if data, _ := c.reply(i+1, wire.OK).data(t); data != fmt.Sprint(i) {
			t.Fatalf("/n%d holds %q", i, data)
		}
	}
}

// A server whose log directory is gone, or named wrongly, does not start empty beside what it has acknowledged.
func TestMissingLogRefusesToStart(t *testing.T) {
	disk := memfs.New(1)
	o := testOptions(disk)
	o.LogDir = "logs"
	newBed(t, disk, 1, o).stop()
	o.LogDir = "lgos"
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "lgos") {
		t.Fatalf("started without its log: %v", err)
	}
	o.LogDir = "logs"
	newBed(t, disk, 1, o).stop()
}
