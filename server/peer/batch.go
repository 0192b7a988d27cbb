package peer

import "bellwether/engine/zab"

// maxBatch is how many messages are handed over at once.
const maxBatch = 512

// batch gathers the messages that one read has brought. Proposals, commits and acks that follow one another become one
// message each, as package zab likes them.
type batch struct{ in []Incoming }

// add puts a message behind the others, or makes it part of the last one.
func (b *batch) add(in *Incoming) {
	if in.Kind == 0 {
		return
	}
	if n := len(b.in); n > 0 && !in.Activate && !b.in[n-1].Activate && merge(&b.in[n-1].Message, &in.Message) {
		return
	}
	b.in = append(b.in, *in)
}

// merge makes next part of last, if the two are one run.
func merge(last, next *zab.Message) bool {
	if last.Kind != next.Kind {
		return false
	}
	switch next.Kind {
	case zab.Proposal, zab.Inform:
		last.Entries = append(last.Entries, next.Entries...) // mostly in place: see entryArena
		return true
	case zab.Ack, zab.Commit:
		if next.Zxid != last.Zxid+1 || last.Zxid.Counter() == 0 || next.Zxid.Counter() == 0 {
			return false
		}
		if last.First == 0 {
			last.First = last.Zxid
		}
		last.Zxid = next.Zxid
		return true
	}
	return false
}

// finished returns what was gathered, and begins anew. Nobody can append to its entries in place any more.
func (b *batch) finished() []Incoming {
	for i := range b.in {
		e := b.in[i].Entries
		b.in[i].Entries = e[:len(e):len(e)]
	}
	out := b.in
	b.in = b.in[:0]
	return out
}
