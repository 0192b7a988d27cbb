// Package wal keeps what a server must not lose: a write-ahead log of opaque entries under rising zxids, snapshots of
// opaque bytes at a zxid, and small files replaced in one step. It knows nothing of what the bytes mean.
//
//	Append(group) ──► one frame, one write ─┐
//	Append(group) ──► one frame, one write ─┼─► Sync: one fdatasync for all of them ──► acknowledged
//	                                        │
//	 0000…01.wal  [header][frame][frame]…[frame]          sealed: the next header says where it ends
//	 0000…02.wal  [header][frame]…[frame]                 sealed
//	 0000…03.wal  [header][frame][frame]▒▒▒▒▒▒▒▒▒▒▒       active: synced up to somewhere, then zeros or old bytes
//	 0000…07.spare ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒       the next one: zeroed, or a released segment
//	 LOCK                                                 flock; the holder's pid
//
// # Promises
//
//   - What Sync has returned for is found by every later Open, whole and in order, and only what was appended is found.
//     After a crash some of what was appended and not synced may be found too: a prefix of it, of whole groups.
//   - What Open found is durable when it returns: a second recovery finds the same.
//   - A crash never makes Open refuse. Damage to synced bytes makes it refuse, naming file, byte and what to do; see
//     tail.go for the rule, its proof, and the one state (the group synced last, when nothing was written after it)
//     in which damage cannot be told from a torn tail.
//   - The first failed write or sync is final: every later call returns the same error, nothing is tried again. Only
//     the lack of a further segment (a full disk) is not: the group is refused and the log goes on.
//   - Entries are not synced one by one by a timer: who calls Sync decides, and what was appended meanwhile is the next
//     group. Append allocates nothing in the steady state.
//   - A snapshot under its name is complete; damage to it is noticed before a byte of the damaged block is handed out.
//
// # Rules for callers
//
// One goroutine appends, syncs, truncates, releases and closes; any may Replay and read Stats. Zxids rise. A caller that
// gets an error it cannot name (see errors.go) stops the server. Snapshots lie in a directory that the caller has locked
// by having its log open, or otherwise to itself.
//
// # Segment
//
// All numbers are little-endian. A segment has its full size from its first moment on (64 MiB unless Options say
// otherwise), so that no sync has to write metadata. Its header is synced before the file gets a segment's name.
//
//	 0        8        16       24       32       40       48       56       64       72       80
//	┌────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────┐
//	│BWALSEG1│sequence│  salt  │  file  │  previous segment's      │  base  │ synced │ xxh64  │ frames …
//	│        │ number │        │  size  │ number │  salt  │  end   │  zxid  │ up to  │ of 0-71│
//	└────────┴────────┴────────┴────────┴────────┴────────┴────────┴────────┴────────┴────────┘
//
// The magic's last byte is the version, 1 (the byte, not the digit). Salt is random: it seeds every checksum of the
// segment, so that frames left by the file's former use are never taken for new. Previous: the segment that this one
// continues, 0 when the log begins here, and the byte at which it ends; frames behind that byte were cut off by a
// truncation. Base is the last zxid before this segment. Synced: where what was synced with the header ends, behind the
// frame that a truncation kept, if there is one.
//
// # Frame
//
// One frame holds one group. Frames follow one another without gaps, each at a multiple of 8.
//
//	 0        4        8        12       16       24       32       40       48       56       64
//	┌────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────┬────────┬─────────┬──────┐
//	│  BFRM  │payload │entries │ flags  │ first  │  last  │durable │  run   │ xxh64  │ xxh64  │ payload │zeros │
//	│        │ bytes  │        │        │  zxid  │  zxid  │ up to  │        │payload │ of 0-55│         │ to 8 │
//	└────────┴────────┴────────┴────────┴────────┴────────┴────────┴────────┴────────┴────────┴─────────┴──────┘
//
// Both checksums are xxh64 seeded with salt + the frame's offset in the file. Durable: every byte of this segment before
// that offset was on disk when the frame was written. Run: how often the log was opened in this segment. Flags: 1, the
// payload is one S2 block; 2, a mark: no entries, first and last are the last zxid before it. Every Open but the first
// of a segment begins its run with a mark, and Close ends it with one. The payload, uncompressed, is entry after entry:
//
//	 0        8        12
//	┌────────┬────────┬───────────┐
//	│  zxid  │ bytes  │ the bytes │
//	└────────┴────────┴───────────┘
//
// # Snapshot
//
// The file is named after its zxid. Blocks hold at most 1 MiB before compression.
//
//	 0        8        16       24                      0        4        8        16
//	┌────────┬────────┬────────┬───────┬───────┬─ … ─┐ ┌────────┬────────┬────────┬─────────────────────┐
//	│BWSNAP 1│  zxid  │ xxh64  │ block │ block │     │ │ stored │  raw   │ xxh64  │ a zstd frame, or the│
//	│        │        │ of 0-15│       │       │     │ │ bytes  │ bytes  │        │ bytes if stored=raw │
//	└────────┴────────┴────────┴───────┴───────┴─ … ─┘ └────────┴────────┴────────┴─────────────────────┘
//	 0        8        16       24       32       40
//	┌────────┬────────┬────────┬────────┬────────┐
//	│   0    │ blocks │  raw   │  file  │ xxh64  │ the trailer, which proves that all is there
//	│        │        │ bytes  │ bytes  │ of 0-31│
//	└────────┴────────┴────────┴────────┴────────┘
//
// A block's checksum covers its number (8 bytes, from 0), its two lengths and its stored bytes. It is seeded with the
// zxid, as is the trailer's. In the magic a 0 stands for the blank.
//
// # Where to read next
//
// log.go (the path of a write), tail.go (torn or damaged), segment.go (how a segment begins), recover.go, recycler.go,
// truncate.go. The crash enumeration is crash_test.go over the history in world_test.go. Package memfs is the disk for
// it, and for the simulator.
package wal
