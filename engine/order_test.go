package engine

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"bellwether/engine/wire"
	"bellwether/wal/memfs"
)

func oneBed(t testing.TB, loops int) *bed {
	disk := memfs.New(1)
	b := newBed(t, disk, loops, testOptions(disk))
	t.Cleanup(b.stop)
	return b
}

// The replies of one session come in the order of its requests, whatever mix of reads and writes is pipelined, while
// other sessions write.
func TestRepliesComeInRequestOrder(t *testing.T) {
	b := oneBed(t, 2)
	var sessions sync.WaitGroup
	for s := range 8 {
		c := b.connect(s)
		sessions.Add(1)
		go func() {
			defer sessions.Done()
			rng := rand.New(rand.NewPCG(uint64(s), 1))
			path := fmt.Sprintf("/s%d", s)
			c.send(create(1, path, "0", wire.Persistent))
			c.reply(1, wire.OK)
			xid := int32(2)
			for range 50 {
				batch, first := []byte(nil), xid
				for range 1 + rng.IntN(40) {
					switch rng.IntN(4) {
					case 0:
						batch = append(batch, set(xid, path, "x")...)
					case 1:
						batch = append(batch, get(xid, path, false)...)
					case 2:
						batch = wire.AppendExistsRequest(batch, xid, path, false)
					case 3:
						batch = wire.AppendSyncRequest(batch, xid, path)
					}
					xid++
				}
				c.send(batch)
				for want := first; want < xid; want++ {
					c.reply(want, wire.OK)
				}
			}
		}()
	}
	sessions.Wait()
}

// A read pipelined behind a write of the same session shows that write, and none that stands behind the read.
func TestReadYourOwnWriteWhilePipelined(t *testing.T) {
	c := oneBed(t, 2).connect(0)
	c.send(create(1, "/n", "0", wire.Persistent))
	c.reply(1, wire.OK)
	var batch []byte
	const rounds = 200
	for i := range int32(rounds) {
		batch = append(batch, set(2+2*i, "/n", strconv.Itoa(int(i)))...)
		batch = append(batch, get(3+2*i, "/n", false)...)
	}
	c.send(batch)
	for i := range int32(rounds) {
		c.reply(2+2*i, wire.OK)
		if data, _ := c.reply(3+2*i, wire.OK).data(t); data != strconv.Itoa(int(i)) {
			t.Fatalf("read behind write %d shows %q", i, data)
		}
	}
}

// A client that watches hears of a change before any reply shows it, or shows a zxid that includes it; and an event never
// comes before the reply of the read that set its watch.
func TestEventPrecedesReplyThatShowsTheChange(t *testing.T) {
	b := oneBed(t, 2)
	setUp := b.connect(0)
	const znodes = 4
	for i := range int32(znodes) {
		setUp.send(create(i+1, fmt.Sprintf("/n%d", i), "", wire.Persistent))
		setUp.reply(i+1, wire.OK)
	}
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for w := range 2 {
		c := b.connect(w)
		writers.Add(1)
		go func() {
			defer writers.Done()
			for xid := int32(1); ; xid++ {
				select {
				case <-stop:
					return
				default:
				}
				c.send(set(xid, fmt.Sprintf("/n%d", int(xid)%znodes), "x"))
				c.reply(xid, wire.OK)
			}
		}()
	}
	for r := range 4 {
		c := b.connect(r)
		readers.Add(1)
		go func() {
			defer readers.Done()
			watchedReads(t, c, znodes, 3000)
		}()
	}
	readers.Wait()
	close(stop)
	writers.Wait()
}

// watchedReads reads with a watch again and again and checks every message against what the watches set so far allow.
func watchedReads(t *testing.T, c *client, znodes, reads int) {
	rng := rand.New(rand.NewPCG(uint64(c.session.SessionID), 7))
	watched := map[string]int64{} // path -> mzxid that the read which set the watch has shown
	asked := map[int32]string{}
	lastZxid := int64(0)
	xid := int32(0)
	for range reads {
		var batch []byte
		for range 1 + rng.IntN(6) {
			xid++
			path := fmt.Sprintf("/n%d", rng.IntN(znodes))
			asked[xid] = path
			batch = append(batch, get(xid, path, true)...)
		}
		c.send(batch)
		for len(asked) > 0 {
			m := c.message()
			if m.Xid == wire.XidNotification {
				if _, ok := watched[m.event.Path]; !ok {
					t.Errorf("event for %s before the reply of the read that set the watch, or twice", m.event.Path)
				}
				delete(watched, m.event.Path)
				continue
			}
			path := asked[m.Xid]
			delete(asked, m.Xid)
			_, stat := m.data(t)
			if seen, ok := watched[path]; ok && stat.Mzxid > seen {
				t.Errorf("reply shows %s changed at 0x%x; its watch, set at 0x%x, has not fired", path, stat.Mzxid, seen)
			}
			if m.Zxid < stat.Mzxid || m.Zxid < lastZxid {
				t.Errorf("reply zxid 0x%x below what it shows (0x%x) or below the one before (0x%x)", m.Zxid, stat.Mzxid, lastZxid)
			}
			watched[path], lastZxid = stat.Mzxid, m.Zxid
		}
		if t.Failed() {
			return
		}
	}
}

// A multi becomes visible in one step: a reader that reads its parts together never sees one without the other.
func TestMultiIsVisibleInOneStep(t *testing.T) {
	b := oneBed(t, 2)
	w, r := b.connect(0), b.connect(1)
	for i, path := range []string{"/left", "/right"} {
		w.send(create(int32(i+1), path, "0", wire.Persistent))
		w.reply(int32(i+1), wire.OK)
	}
	const rounds = 2000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range int32(rounds) {
			w.send(multi(i+10, strconv.Itoa(int(i+1))))
			w.reply(i+10, wire.OK)
		}
	}()
	for xid := int32(1); ; xid++ {
		r.send(multiRead(xid))
		reply := r.reply(xid, wire.OK)
		results := wire.NewMultiResultReader(wire.NewReader(reply.body))
		var data [2]wire.DataStat
		for i := range data {
			if op, code, _, err := results.Next(); op != wire.OpGetData || code != wire.OK || err != nil {
				t.Fatalf("result %d: %v %v %v", i, op, code, err)
			}
			if err := data[i].Decode(&results.Reader); err != nil {
				t.Fatal(err)
			}
		}
		if string(data[0].Data) != string(data[1].Data) || data[0].Stat.Mzxid != data[1].Stat.Mzxid && data[0].Stat.Version > 0 {
			t.Fatalf("half a multi is visible: %q at 0x%x, %q at 0x%x", data[0].Data, data[0].Stat.Mzxid, data[1].Data, data[1].Stat.Mzxid)
		}
		if string(data[0].Data) == strconv.Itoa(rounds) {
			break
		}
	}
	<-done
}

func multi(xid int32, data string) []byte {
	b := wire.AppendRequestHeader(wire.BeginFrame(nil), xid, wire.OpMulti)
	for _, path := range []string{"/left", "/right"} {
		q := wire.SetDataRequest{Path: path, Data: []byte(data), Version: -1}
		b = q.Append(wire.AppendMultiOp(b, wire.OpSetData))
	}
	b = wire.AppendMultiEnd(b)
	wire.EndFrame(b, 0)
	return b
}

func multiRead(xid int32) []byte {
	b := wire.AppendRequestHeader(wire.BeginFrame(nil), xid, wire.OpMultiRead)
	for _, path := range []string{"/left", "/right"} {
		q := wire.PathWatch{Path: path}
		b = q.Append(wire.AppendMultiOp(b, wire.OpGetData))
	}
	b = wire.AppendMultiEnd(b)
	wire.EndFrame(b, 0)
	return b
}

// The zxids of one session's replies never go back, also where a request that cannot be decoded stands among writes.
func TestReplyZxidsNeverGoBack(t *testing.T) {
	c := oneBed(t, 1).connect(0)
	broken := wire.AppendRequestHeader(wire.BeginFrame(nil), 0, wire.OpSetData)
	wire.EndFrame(broken, 0)
	last := int64(0)
	for round := range int32(50) {
		var batch []byte
		for i := range int32(20) {
			xid := round*20 + i
			switch i % 3 {
			case 0:
				batch = append(batch, create(xid, fmt.Sprintf("/n%d", xid), "", wire.Persistent)...)
			case 1:
				batch = append(batch, broken...)
			case 2:
				batch = wire.AppendExistsRequest(batch, xid, "/", false)
			}
		}
		c.send(batch)
		for range 20 {
			m := c.message()
			if m.Zxid < last {
				t.Fatalf("reply to %d (%v) has zxid 0x%x behind 0x%x", m.Xid, m.Err, m.Zxid, last)
			}
			last = m.Zxid
		}
	}
}
