package memfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/cespare/xxhash/v2"
)

const (
	sectorBytes = 512
	pageBytes   = 4096
)

// Fate is what a crash does to changes that were not durable.
type Fate uint8

const (
	// Lost: none is there.
	Lost Fate = iota
	// Kept: all are there.
	Kept
	// Prefix: all up to some moment are there and none after it; the write of that moment is torn at a sector.
	Prefix
	// Subset: each write or name change is there or not, on its own.
	Subset
	// TornPages: each page of 4 KiB is as it was at some moment of its own since the last Sync.
	TornPages
	// TornSectors: the same for each sector of 512 bytes.
	TornSectors
	// Stale: the sizes are there and the bytes are not: old bytes stay, of a recycled file those of its former use.
	Stale
	// Zeroed: the sizes are there, and every byte that the writes changed is zero.
	Zeroed
)

var fateNames = [...]string{"lost", "kept", "prefix", "subset", "torn pages", "torn sectors", "stale", "zeroed"}

func (f Fate) String() string { return fateNames[f] }

// Variant is one way for a crash to go. Names may be Lost, Kept, Prefix or Subset.
type Variant struct {
	Data  Fate // of bytes and sizes not synced
	Names Fate // of names not synced
	Seed  uint64
}

func (v Variant) String() string {
	return fmt.Sprintf("data %v, names %v, seed %d", v.Data, v.Names, v.Seed)
}

// Variants returns every way worth trying, with as many seeds for each that has a choice.
func Variants(seeds int) []Variant {
	vs := []Variant{{Data: Lost, Names: Lost}, {Data: Kept, Names: Kept}, {Data: Lost, Names: Kept}, {Data: Kept, Names: Lost}}
	for s := range uint64(seeds) {
		vs = append(vs,
			Variant{Prefix, Prefix, s}, Variant{Subset, Subset, s},
			Variant{TornPages, Kept, s}, Variant{TornPages, Subset, s},
			Variant{TornSectors, Kept, s}, Variant{TornSectors, Subset, s},
			Variant{Stale, Subset, s}, Variant{Zeroed, Subset, s})
	}
	return append(vs, Variant{Data: Stale, Names: Kept}, Variant{Data: Zeroed, Names: Kept})
}

// Crash returns the disk as the next start of the machine finds it after this one stopped now: everything on it is
// durable, no lock is held, no fault is set. This FS is unchanged, so that one crash can be had in many variants.
func (fs *FS) Crash(v Variant) *FS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	after := New(fs.seed + 1)
	after.nextID = fs.nextID
	for path, dir := range fs.dirs {
		names := map[string]*inode{}
		for name, node := range dir.survivors(v, v.choice(fs, xxhash.Sum64String(path))) {
			names[name] = node.afterCrash(v, v.choice(fs, node.id))
		}
		after.dirs[path] = &directory{now: names, durable: maps.Clone(names)}
	}
	return after
}

// Kill returns the disk as the next process finds it when this one died now but the machine lives on: nothing is lost,
// and nothing became durable that was not. This FS must not be used any more.
func (fs *FS) Kill() *FS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.crashed = true
	after := New(fs.seed + 1)
	after.nextID = fs.nextID
	after.dirs = fs.dirs
	return after
}

// survivors returns the names after a crash.
func (d *directory) survivors(v Variant, rng *rand.Rand) map[string]*inode {
	names := maps.Clone(d.durable)
	cut := rng.IntN(len(d.pending) + 1)
	for i, c := range d.pending {
		keep := v.Names == Kept || v.Names == Prefix && i < cut || v.Names == Subset && rng.IntN(2) == 0
		// A change of a name that is not there, because an earlier change was lost, is lost too.
		if keep && (c.from == "" || names[c.from] == c.node) {
			c.apply(names)
		}
	}
	return names
}

// afterCrash is the file on the disk after a crash. Bytes that need no change are shared, not copied.
func (n *inode) afterCrash(v Variant, rng *rand.Rand) *inode {
	if len(n.pending) == 0 && len(n.now) == len(n.durable) {
		n.shared = true
		return &inode{id: n.id, now: n.durable, durable: n.durable, shared: true}
	}
	data := n.survivors(v, rng)
	return &inode{id: n.id, now: data, durable: data, shared: true}
}

// survivors returns a file's bytes after a crash, in memory of their own.
func (n *inode) survivors(v Variant, rng *rand.Rand) []byte {
	b := slices.Clone(n.durable)
	switch v.Data {
	case Lost:
		return b
	case Kept:
		for _, c := range n.pending {
			b = c.apply(b)
		}
	case Prefix:
		b = n.prefix(b, rng)
	case Subset:
		for _, c := range n.pending {
			if rng.IntN(2) == 0 {
				b = c.apply(b)
			}
		}
	case TornPages:
		b = n.torn(b, pageBytes, rng)
	case TornSectors:
		b = n.torn(b, sectorBytes, rng)
	case Stale, Zeroed:
		b = extend(b, int64(len(n.now)))[:len(n.now)]
		for i := range b {
			if v.Data == Zeroed && b[i] != n.now[i] {
				b[i] = 0
			}
		}
	}
	return b
}

// prefix applies the changes up to a random one, which it cuts short at a sector's edge.
func (n *inode) prefix(b []byte, rng *rand.Rand) []byte {
	if len(n.pending) == 0 {
		return b
	}
	cut := rng.IntN(len(n.pending))
	for _, c := range n.pending[:cut] {
		b = c.apply(b)
	}
	torn := n.pending[cut]
	if torn.resize {
		return b
	}
	sectors := len(torn.data)/sectorBytes + 1
	whole := (torn.off+int64(rng.IntN(sectors+1))*sectorBytes)/sectorBytes*sectorBytes - torn.off
	torn.data = torn.data[:min(max(whole, 0), int64(len(torn.data)))]
	if len(torn.data) == 0 {
		return b
	}
	return torn.apply(b)
}

// torn gives each piece of the file the state it had after some number of the changes, chosen for that piece. The
// file's size is that of a moment of its own too; pieces behind it are gone.
func (n *inode) torn(b []byte, piece int64, rng *rand.Rand) []byte {
	if len(n.pending) == 0 {
		return b
	}
	moment := func() int { return rng.IntN(len(n.pending) + 1) }
	old := b
	size := sizeAfter(old, n.pending[:moment()])
	longest := int64(len(old))
	for i := range n.pending {
		longest = max(longest, sizeAfter(old, n.pending[:i+1]))
	}
	out := make([]byte, longest)
	copy(out, old)
	for at := int64(0); at < longest; at += piece {
		end := min(at+piece, longest)
		for _, c := range n.pending[:moment()] {
			if c.resize {
				if c.off < end {
					clear(out[max(c.off, at):end])
				}
				continue
			}
			from, to := max(c.off, at), min(c.off+int64(len(c.data)), end)
			if from < to {
				copy(out[from:to], c.data[from-c.off:])
			}
		}
	}
	return out[:size]
}

func sizeAfter(b []byte, changes []change) int64 {
	size := int64(len(b))
	for _, c := range changes {
		if c.resize {
			size = c.off
		} else {
			size = max(size, c.off+int64(len(c.data)))
		}
	}
	return size
}

// choice is a source of its own for each crash and each file or directory, so that one's fate does not depend on
// another's length.
func (v Variant) choice(disk *FS, id uint64) *rand.Rand {
	return rand.New(rand.NewPCG(v.Seed^disk.seed<<32, id^disk.calls<<32))
}
