// Package memfs is a disk in memory that can crash, fail, tear, fill up, slow down and rot: a wal.FS for tests and for
// the simulator of whole ensembles.
//
//	        the process's view                 the machine's                       the device's
//	┌──────────────────────────────┐   ┌──────────────────────────┐   ┌─────────────────────────────┐
//	│ Create Rename Remove WriteAt │──►│ changes not yet durable, │──►│ bytes and names that a crash│
//	│ ReadAt List see everything   │   │ in the order they came   │   │ cannot take                 │
//	└──────────────────────────────┘   └────────────┬─────────────┘   └──────────────▲──────────────┘
//	                                     File.Sync: │ this file's bytes and size     │
//	                                     SyncDir:   └ this directory's names ────────┘
//
// A crash keeps what is durable and does with the rest what its Variant says: lose it, keep it, tear it by sectors or
// pages, keep some writes and not others, leave zeros. A file whose name was not made durable is gone with its name.
//
// # Promises
//
//   - Same seed and same calls, same disk, to the byte: random choices come from the seed, the number of the call and
//     the file alone.
//   - Every call of a method of wal.FS or wal.File is counted, and can be made the one that fails (FailAt) or the one
//     during which the machine stops (CrashAt).
//   - A Sync that fails is treacherous as on Linux: some sectors reached the device, the others never will, and the next
//     Sync succeeds without them. Only writing them again helps.
//   - Nothing sleeps. A slow device adds to Ticks, which a simulator turns into its own time.
//
// # What is assumed of a device
//
// A sector of 512 bytes is written whole or not at all, and a write over a byte with its own value never changes it.
// Renames are atomic. Directory changes may be lost in any subset that leaves each single change whole, which is
// harsher than journaling file systems are.
//
// # Rules for callers
//
// All methods are safe for concurrent use; but the number of a call, and with it every random choice, is only
// repeatable when the calls come in a repeatable order (wal.Options.Inline).
//
// Read on in fs.go, then crash.go; crash enumeration itself is in the tests of package wal.
package memfs
