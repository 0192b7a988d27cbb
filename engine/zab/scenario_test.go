package zab

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The files in testdata are stories: what happens to an ensemble, and what its members say and do about it. Commands:
//
//	ensemble voters=3 [observers=1] [weights=(1,1,2)] [groups=(1,1,2)] [plain=(3)] [window=500] [roll=n]
//	start 1 2 ...    crash 1 ...        a server starts from its disk; stops and loses what its disk had not finished
//	run [ticks=n]                       everything that can happen happens; n ticks pass between (default 1)
//	propose 1 [n=2]                     entries
//	stall 1 ...      resume 1 ...       the disk of a server stops answering; goes on
//	hush 1 2         heal               1 no longer hears 2; everybody hears everybody again
//	break 1 2                           the link between two servers breaks
//	snapshot 1                          a server snapshots what is committed and drops its log
//	handover 1 [to=2]                   leader 1 is asked to hand over
//	state                               where everybody stands
//
// Votes and pings are left out of the trace, unless run says votes or pings. "2->1 X" is X arriving at 1.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var s *scenario
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			if td.Cmd == "ensemble" {
				s = newScenario(t, td)
				return ""
			}
			return s.do(t, td)
		})
	})
}

// scenario is a world without dice.
type scenario struct {
	*world
	stalled voterSet
}

func newScenario(t *testing.T, td *datadriven.TestData) *scenario {
	voters, observers, window, roll := 3, 0, 0, 0
	var weights, groups, plain []int
	td.MaybeScanArgs(t, "voters", &voters)
	td.MaybeScanArgs(t, "observers", &observers)
	td.MaybeScanArgs(t, "window", &window)
	td.MaybeScanArgs(t, "roll", &roll)
	numbers(t, td, "weights", &weights)
	numbers(t, td, "groups", &groups)
	numbers(t, td, "plain", &plain)
	w := &world{calm: true, scripted: true, nextID: 1, trace: new(bytes.Buffer)}
	var members []Member
	for i := range voters + observers {
		m := Member{ID: ServerID(i + 1), Observer: i >= voters}
		if weights != nil && !m.Observer {
			m.Group, m.Weight = 1, weights[i]
		}
		if groups != nil && !m.Observer {
			m.Group = groups[i]
		}
		members = append(members, m)
	}
	w.check = newChecker(w, newQuorum(members))
	for i, m := range members {
		cfg := Config{ID: m.ID, Members: members, WindowEntries: window, RollCounter: uint32(roll), InitTicks: 60, SyncTicks: 30, PingTicks: 10}
		for _, p := range plain {
			cfg.PlainLinks = cfg.PlainLinks || p == i+1
		}
		w.servers = append(w.servers, &server{w: w, index: i, id: m.ID, observer: m.Observer, cfg: cfg})
	}
	return &scenario{world: w}
}

// numbers reads an argument like weights=(1,2,3).
func numbers(t *testing.T, td *datadriven.TestData, key string, to *[]int) {
	for _, a := range td.CmdArgs {
		if a.Key != key {
			continue
		}
		for _, v := range a.Vals {
			n, err := strconv.Atoi(v)
			if err != nil {
				td.Fatalf(t, "%s: %v", key, err)
			}
			*to = append(*to, n)
		}
	}
}

func (s *scenario) do(t *testing.T, td *datadriven.TestData) (out string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case violation:
			out = s.trace.String() + v.invariant + ": " + v.what + "\n"
		default:
			panic(v)
		}
	}()
	s.trace.Reset()
	var who []*server
	for _, a := range td.CmdArgs {
		if n, err := strconv.Atoi(a.Key); err == nil {
			who = append(who, s.servers[n-1])
		}
	}
	ticks, n, to := 1, 1, 0
	td.MaybeScanArgs(t, "ticks", &ticks)
	td.MaybeScanArgs(t, "n", &n)
	td.MaybeScanArgs(t, "to", &to)
	switch td.Cmd {
	case "run":
		s.run(ticks)
	case "propose":
		for range n {
			if _, err := who[0].propose(); err != nil {
				s.log("%d: refuses: %v", who[0].id, err)
			}
		}
	case "hush":
		who[0].deafTo = who[0].deafTo.with(who[1].index)
	case "heal":
		for _, o := range s.servers {
			o.deafTo = 0
		}
	case "break":
		for _, l := range s.links {
			if l.end(who[0]) >= 0 && l.end(who[1]) >= 0 {
				l.break_()
			}
		}
	case "handover":
		s.log("%d: asked to hand over: %v", who[0].id, who[0].core.HandOver(ServerID(to)))
	case "state":
		return s.standing()
	default:
		for _, o := range who {
			s.doTo(t, td, o)
		}
	}
	return quiet(s.trace.String(), td.HasArg("votes"), td.HasArg("pings"))
}

func (s *scenario) doTo(t *testing.T, td *datadriven.TestData, o *server) {
	switch td.Cmd {
	case "start":
		o.start()
	case "crash":
		o.crash()
	case "stall":
		s.stalled = s.stalled.with(o.index)
	case "resume":
		s.stalled = s.stalled.without(o.index)
	case "snapshot":
		o.takeSnapshot()
	default:
		td.Fatalf(t, "unknown command %s", td.Cmd)
	}
}

// run lets everything happen that can, in the order of the servers, and then so many ticks with all that follows from each.
func (s *scenario) run(ticks int) {
	s.settleDown()
	for range ticks {
		for _, o := range s.servers {
			if o.up {
				o.core.Tick()
			}
		}
		s.settleDown()
	}
}

func (s *scenario) settleDown() {
	for busy := true; busy; {
		busy = false
		for _, o := range s.servers {
			if o.up {
				o.drain()
			}
		}
		for _, o := range s.servers {
			for o.up && s.oneThing(o) {
				busy = true
				o.drain()
				s.check.afterStep()
			}
		}
	}
}

// oneThing lets o do one thing, if there is something to do.
func (s *scenario) oneThing(o *server) bool {
	switch {
	case len(o.disk.queue) > 0 && !s.stalled.has(o.index):
		o.disk.finishOne(o)
	case len(o.tasks) > 0:
		t := o.tasks[0]
		o.tasks = o.tasks[1:]
		o.finish(t)
	case len(o.votes) > 0:
		m := o.votes[0]
		o.votes = o.votes[1:]
		s.log("%d->%d %v", m.From, o.id, m)
		if err := o.core.Step(m); err != nil {
			s.fail("MessageIllegal", "%v", err)
		}
	default:
		for _, l := range s.links {
			if i := l.end(o); i >= 0 && !l.closed[i] && o.hear(l, i) {
				return true
			}
		}
		return false
	}
	return true
}

// quiet leaves votes and pings out of a trace.
func quiet(trace string, votes, pings bool) string {
	var b strings.Builder
	for line := range strings.Lines(trace) {
		switch {
		case strings.Contains(line, "NOTIFICATION") && !votes:
		case strings.Contains(line, "PING") && !pings:
		case strings.Contains(line, ": link ") && !strings.Contains(line, "down"):
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// standing says where everybody stands.
func (s *scenario) standing() string {
	var b strings.Builder
	for _, o := range s.servers {
		if !o.up {
			fmt.Fprintf(&b, "%d: down, log to %v\n", o.id, o.disk.end())
			continue
		}
		fmt.Fprintf(&b, "%d: %v; log to %v, committed %v\n", o.id, o.core.state, o.core.LastZxid(), o.core.CommittedZxid())
	}
	return b.String()
}
