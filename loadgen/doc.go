// Package loadgen puts load on ZooKeeper-compatible servers and says honestly what came of it. It knows the client
// protocol and nothing of any server.
//
//	Config ──► Run ─┬─► worker 0 ──┐   each one a thread, an event loop (package client), its share of
//	                ├─► worker 1   │   the sessions, its own random numbers and histograms
//	                └─► worker … ──┴─► merged ──► Result ──► JSON, text
//
//	steps, which all workers take together:
//	connect ─► prepare: root, directories, keys ─► load ─► clean up: keys, directories, root ─► close
//
//	the load:
//	├─ warm-up ─┼─ measured window ─┼─ drain ─┤
//	            requests due in here are measured, whenever they are answered
//
// In a closed loop every session keeps Depth requests in flight: the servers set the pace, so when they stall, they are
// spared the requests that would have met the stall, and the latencies do not show it in full. In an open loop a schedule made
// from the seed says when each request is due:
//
//	due ............. sent ............. reply
//	│◄──── lag ──────►│◄── service time ──►│
//	│◄────────────── latency ─────────────►│
//	      │◄─ own lag ►│
//	      a session had room
//
// Promises:
//   - Latency runs from the due time. A request that could not be sent in time is sent late and counted, never dropped;
//     what was not sent when the drain ended is told. Nothing is corrected afterwards.
//   - The same Config and seed give the same operations on the same keys, in a closed loop session by session whatever the
//     number of workers, in an open loop at the same times with the same number of workers.
//   - A run in which the generator was the limit says so: see Verdict for what is measured and what cannot be.
//   - A request allocates nothing.
//   - Results hold the whole Config but no credential.
//
// Rules for callers: Run needs a thread per worker and has no state between calls; several Runs at a time compete for the CPU
// and spoil each other. All znodes are below Config.KeyPrefix, and what is found there is taken for the keys of an earlier
// run: it is overwritten, and removed in the end unless Keep is set.
//
// Read config.go first, then load.go and open.go (the two loops), recorder.go (what is counted when) and verdict.go.
package loadgen
