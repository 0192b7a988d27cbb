// Package bench asks questions of servers and writes down the answers: it starts a server, its ceiling and, if
// asked, a peer as child processes on this machine, drives all of them with the same load generator, samples what
// each cost, and renders RESULTS.md from the raw result. No number in RESULTS.md is ever typed by hand.
//
//	scenario.go            run.go                      result.go            render.go
//	questions as data  ─►  for each case, in turns: ─►  raw JSON        ─►  RESULTS.md
//	                       ┌────────────────────┐       (schema version,    (a template; the same
//	                       │ ceiling   window   │        inputs, windows,    bytes for the same
//	                       │ server    window   │        samples)            raw result)
//	                       │ peer      window   │
//	                       │ profile   window   │──►  profiles/<scenario>.pprof, .txt
//	                       └────────────────────┘
//
//	parties    party.go and zookeeper.go (how each is started), child.go (its process)
//	ceilings   ceiling.go (handshake and fixed replies), ceiling_server.go and ceiling_loop.go (gnet), committer.go (disk)
//	a window   window.go; drive.go (the load), proc.go and watch.go (what the process used), monitor.go (its own counters)
//	a profile  profiling.go (when), profile.go (its summary), stage.go (which function belongs to which stage)
//	a table    summary.go (medians and ratios), render.go and results.md.tmpl
//
// A ceiling is the least a server can do: the echo ceiling answers each request frame with a frame of the right size,
// the append ceiling puts each request frame into a pre-zeroed file, syncs, and answers. Neither parses beyond the
// length, the xid and the kind of a request; neither has a tree or a session. The ratio of a server to its ceiling
// says what the server itself adds, whatever machine it ran on.
//
// # Promises
//
//   - A party's windows of one case stand close in time to its ceiling's windows of the same case: a noisy machine
//     hurts both.
//   - Every party runs with syncing on and in a process of its own; server CPU is that process's CPU.
//   - Latency is counted by the load generator, from the moment a request was due. Its verdict on itself is kept, and
//     a window it calls invalid is marked in every table.
//   - A raw result holds all inputs: machine, file system, versions, commit, every command line. It is written after
//     every case, so that what was measured before a failure is kept, and marked as partial.
//   - Rendering is a pure function of the raw result.
//
// # Rules for callers
//
// Command is the whole interface of the subcommand. Nothing here is safe for concurrent use, and two benchmarks on
// one machine measure each other.
//
// Read next: scenario.go (what is asked), run.go (in which order), ceiling.go, then render.go.
package bench
