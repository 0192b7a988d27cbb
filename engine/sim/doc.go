// Package sim is whole servers in one thread: their disks, their loops, the network to their clients, the clients, and a clock,
// all of it driven by one seed. It is test support: it finds what no test has thought of, and shows it again at will.
//
//	client ──up──► conn ──► inbox ──► core ──► commit: take · append · sync · tell ──► inbox
//	  ▲                                 │                 │
//	  └───down─── outbox ◄── apply: take · one transaction · … · publish ──► inbox
//	                            │                         │
//	  every box is a queue,     │ compared with           │ snapshot: begin · walk · … · complete · retire
//	  every word one step       ▼                         ▼
//	                          Model                memfs: loses, tears and reorders what was not synced; fails; is slow
//
// A step is one thing that could happen now: the seed chooses which. Since each loop of package engine is cut into its steps,
// the queues between them fill and drain in every order that goroutines could bring about, and some that they never will.
// Trouble comes between steps, or within one, in the middle of an I/O call: machines crash, processes are killed, stopped
// or started again, disks fail or take long, links break, wall clocks jump.
//
// What runs is the real thing: replica.Replica, replica.Applier, zab.Core, tree, session and wal. Only the loops are this
// package's own, for package engine's have goroutines; process.go and its neighbours say what engine's files of the same
// names do. Today the ensemble has one server: World holds a list of them, and what is to come, messages between them, goes
// through the network as clients' frames do.
//
// # What is promised, and checked after every step
//
//   - PrefixConsistency: what a server applies is what was proposed, in that order, without a gap, to the byte; zxids rise, and
//     none is used twice, over all restarts.
//   - What was applied, and so may have been seen, is there after a crash; nothing is there that was never proposed.
//   - Each transaction, each reply and each read is what Model makes of the request, to the byte; so is the state, every
//     znode with all its fields, after each change where it was changed, after each restart everywhere.
//   - Every request is answered once, in order, or its link is gone; a client is never shown an older state than before.
//   - A session expires when it was silent for its timeout, not earlier, and not later than a tick after that; its ephemerals
//     go with it, and with nothing else.
//   - A failed sync is final.
//
// At the end all comes to rest, which proves that nothing waits for what never comes, and the clients' histories of the
// registers are linearizable, in the opinion of porcupine, which knows nothing of servers, logs and zxids.
//
// # How to use it
//
//	w := sim.NewWorld(seed, sim.Options{Faults: sim.AllFaults(seed)})
//	err := w.Run(4000) // steps; the error names seed, step and the broken promise
//
// Same seed and options, same history, to the byte: World.Hash is equal. `make sim SEEDS=10000` runs many; a seed that
// fails is printed with the command that shows it step by step. Deliberate mistakes (bugs.go) prove that each promise is
// looked after.
//
// Read next: world.go, schedule.go, process.go; judge.go and model.go for what is right.
package sim
