package session_test

import (
	"testing"

	"bellwether/engine/session"
)

const manySessions = 100_000

func trackerOf(sessions int64) *session.Tracker {
	tracker := session.NewTracker(tick)
	for id := range sessions {
		tracker.Add(id, 10_000, id%10_000)
	}
	return tracker
}

// A tick with a hundred thousand sessions that all speak all the time.
func BenchmarkTick100000Speaking(b *testing.B) {
	tracker, now := trackerOf(manySessions), int64(0)
	lastHeard := func(id int64) int64 { return now - id%100 }
	b.ReportAllocs()
	for b.Loop() {
		now += tick
		if tracker.Expire(now, lastHeard, nil) != nil {
			b.Fatal("expired")
		}
	}
}

// A call of Expire when nothing is due.
func BenchmarkExpireNothingDue(b *testing.B) {
	tracker := trackerOf(manySessions)
	for b.Loop() {
		tracker.Expire(1, nil, nil)
	}
}

func BenchmarkTouch100000(b *testing.B) {
	tracker := trackerOf(manySessions)
	for i := int64(0); b.Loop(); i++ {
		tracker.Touch(i*7919%manySessions, i)
	}
}

// A hundred thousand sessions dying in one tick.
func BenchmarkExpire100000(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		tracker := trackerOf(manySessions)
		b.StartTimer()
		if n := len(tracker.Expire(1<<40, nil, nil)); n != manySessions {
			b.Fatal(n)
		}
	}
}

// A new leader takes over a hundred thousand sessions.
func BenchmarkReset100000(b *testing.B) {
	table, tracker := session.NewTable(), session.NewTracker(tick)
	for id := range int64(manySessions) {
		table.Add(id, 10_000)
	}
	for b.Loop() {
		tracker.Reset(table.All(), 0)
	}
}

func BenchmarkTableSnapshot100000(b *testing.B) {
	table := session.NewTable()
	for id := range int64(manySessions) {
		table.Add(id, 10_000)
	}
	var dst []byte
	for b.Loop() {
		dst = table.AppendSnapshot(dst[:0])
	}
	b.SetBytes(int64(len(dst)))
}

func BenchmarkTableHas(b *testing.B) {
	table := session.NewTable()
	for id := range int64(manySessions) {
		table.Add(id, 10_000)
	}
	b.RunParallel(func(pb *testing.PB) {
		for id := int64(0); pb.Next(); id++ {
			table.Has(id % manySessions)
		}
	})
}

func BenchmarkPassword(b *testing.B) {
	password := session.Password(1)
	for id := int64(1); b.Loop(); id++ {
		session.CheckPassword(id, password[:])
	}
}
