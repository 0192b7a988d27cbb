package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"bellwether/engine/wire"
	"bellwether/wal/memfs"

	"github.com/cockroachdb/datadriven"
)

// The stories in testdata: each sets its own pace instead of leaving it to a seed. Their commands:
//
//	world [roll=N] [snapshot=N]      one server, clients c0 and c1, ticks of 20 ms; nothing goes wrong by itself
//	start                            the server starts and elects itself (little is told of it)
//	connect c0 [timeout=MS]          a session for c0, or its session again; all is done until the client has it
//	ask c0                           requests, one a line: create /a, ephemeral /a, sequential /a, set /a x, delete /a, get /a, sync,
//	                                 close, or multi with several of them behind it, parted by semicolons
//	core, commit, apply, loop, hear, reach, snapshot [N]
//	                                 N steps of one kind: hear at clients, reach at the server
//	settle                           everything happens that can, without time passing
//	wait MS                          time passes, and everything happens that can, a tick at a time
//	think MS                         time passes, and only the core loop goes on
//	crash lost|kept, kill, stop      the server goes down
//	show [path]                      the znode, or all sessions
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &story{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			if err := s.command(t, d); err != nil {
				return s.told() + "error: " + err.Error() + "\n"
			}
			return s.told()
		})
	})
}

// story is a world that does what it is told.
type story struct {
	w   *World
	out bytes.Buffer
}

// told returns the trace of the last command, without the numbers of steps.
func (s *story) told() string {
	var b strings.Builder
	for line := range strings.Lines(s.out.String()) {
		_, line, _ = strings.Cut(line, " ")
		_, line, _ = strings.Cut(line, " ")
		b.WriteString(line)
	}
	return b.String()
}

func (s *story) command(t *testing.T, d *datadriven.TestData) error {
	n := 1
	if len(d.CmdArgs) > 0 && len(d.CmdArgs[0].Vals) == 0 {
		if number, err := strconv.Atoi(d.CmdArgs[0].Key); err == nil {
			n = number
		}
	}
	switch d.Cmd {
	case "world":
		s.world(t, d)
		return nil
	case "connect":
		return s.connect(t, d)
	case "ask":
		s.ask(t, d)
		return nil
	case "start":
		return s.start()
	case "settle":
		return s.settle()
	case "wait":
		return s.wait(n, s.settle)
	case "think":
		return s.wait(n, func() error { return s.do(coreThinks) })
	case "crash", "kill", "stop":
		return s.down(d)
	case "show":
		return s.show(d)
	}
	k, ok := map[string]kind{"core": coreThinks, "commit": commitGoes, "apply": applyGoes, "loop": loopTurns, "hear": clientHears,
		"reach": serverHears, "snapshot": snapshotGoes}[d.Cmd]
	if !ok {
		t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
	}
	for range n {
		if err := s.do(k); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) world(t *testing.T, d *datadriven.TestData) {
	roll, snapshot := 0, 1000
	d.MaybeScanArgs(t, "roll", &roll)
	d.MaybeScanArgs(t, "snapshot", &snapshot)
	s.w = NewWorld(1, Options{Clients: 2, Trace: &s.out})
	s.w.settings = settings{tickMs: 20, snapshotTxns: snapshot, retainSnapshots: 1, segmentBytes: 64 << 10, groupBytes: 4 << 10,
		rollCounter: uint32(roll), depth: 100}
}

// do does the first thing of a kind that is possible.
func (s *story) do(k kind) error {
	for _, a := range s.possible() {
		if a.kind == k {
			s.w.steps++
			return s.w.do(a)
		}
	}
	return fmt.Errorf("nothing of kind %q is possible", k)
}

// possible lists what can happen now, beside time and what clients think of.
func (s *story) possible() (list []action) {
	s.w.actions = s.w.actions[:0]
	s.w.addServerActions(s.w.servers[0])
	for _, l := range s.w.links {
		if l.reachesServer() {
			list = append(list, action{kind: serverHears, link: l})
		}
		if l.reachesClient() {
			list = append(list, action{kind: clientHears, link: l})
		}
	}
	for _, a := range s.w.actions {
		if a.kind != reap {
			list = append(list, a)
		}
	}
	return list
}

func (s *story) settle() error {
	for {
		did := false
		for _, k := range []kind{serverHears, coreThinks, commitGoes, applyGoes, loopTurns, clientHears, snapshotGoes} {
			for _, a := range s.possible() {
				if a.kind == k {
					s.w.steps++
					if err := s.w.do(a); err != nil {
						return err
					}
					did = true
					break
				}
			}
		}
		if !did {
			return nil
		}
	}
}

// wait lets time pass; after each tick it does something.
func (s *story) wait(ms int, then func() error) error {
	for end := s.w.nowMs + int64(ms); s.w.nowMs < end; {
		if err := s.w.do(action{kind: tickTime}); err != nil {
			return err
		}
		if err := then(); err != nil {
			return err
		}
	}
	return nil
}

// start starts the server and waits until it serves.
func (s *story) start() error {
	if err := s.do(startServer); err != nil {
		return err
	}
	told := bytes.Clone(s.out.Bytes())
	for p := s.w.servers[0].proc; !p.serving; {
		if err := s.wait(zabTickMs, s.settle); err != nil {
			return err
		}
	}
	s.out.Reset()
	s.out.Write(told)
	s.w.note("s1: serves")
	return nil
}

func (s *story) down(d *datadriven.TestData) error {
	server := s.w.servers[0]
	defer func() { server.upAtMs = s.w.nowMs }()
	switch d.Cmd {
	case "kill":
		return server.kill()
	case "stop":
		return server.stop()
	}
	fate := memfs.Lost
	if d.HasArg("kept") {
		fate = memfs.Kept
	}
	s.w.note("s1: crashes, %v", fate)
	server.disk = server.disk.Crash(memfs.Variant{Data: fate, Names: fate})
	server.down()
	return nil
}

func (s *story) client(d *datadriven.TestData) *client {
	n, err := strconv.Atoi(strings.TrimPrefix(d.CmdArgs[0].Key, "c"))
	if err != nil || n >= len(s.w.clients) {
		panic(fmt.Sprintf("%s: %q is no client", d.Pos, d.CmdArgs[0].Key))
	}
	return s.w.clients[n]
}

func (s *story) connect(t *testing.T, d *datadriven.TestData) error {
	c, timeoutMs := s.client(d), 200
	d.MaybeScanArgs(t, "timeout", &timeoutMs)
	c.open(int32(timeoutMs), false)
	return s.settle()
}

func (s *story) ask(t *testing.T, d *datadriven.TestData) {
	c := s.client(d)
	for line := range strings.Lines(d.Input) {
		c.xid++
		r := parseRequest(t, d, strings.TrimSpace(line))
		if r.op == wire.OpCloseSession {
			c.state = clientClosing
		}
		c.ask(c.xid, r)
	}
}

func parseRequest(t *testing.T, d *datadriven.TestData, line string) request {
	words := strings.Fields(line)
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	creation := func(mode wire.CreateMode) request {
		return request{wire.OpCreate, (&wire.CreateRequest{Path: arg(1), Data: []byte(arg(2)), ACL: wire.OpenACL, Mode: mode}).Append(nil)}
	}
	switch arg(0) {
	case "create":
		return creation(wire.Persistent)
	case "ephemeral":
		return creation(wire.Ephemeral)
	case "sequential":
		return creation(wire.PersistentSequential)
	case "set":
		return request{wire.OpSetData, (&wire.SetDataRequest{Path: arg(1), Data: []byte(arg(2)), Version: -1}).Append(nil)}
	case "delete":
		return request{wire.OpDelete, (&wire.DeleteRequest{Path: arg(1), Version: -1}).Append(nil)}
	case "get":
		return request{wire.OpGetData, (&wire.PathWatch{Path: arg(1)}).Append(nil)}
	case "sync":
		return request{wire.OpSync, wire.AppendString(nil, "/")}
	case "close":
		return request{op: wire.OpCloseSession}
	case "multi":
		var body []byte
		for _, part := range strings.Split(strings.TrimPrefix(line, "multi"), ";") {
			r := parseRequest(t, d, strings.TrimSpace(part))
			body = append(wire.AppendMultiOp(body, r.op), r.body...)
		}
		return request{wire.OpMulti, wire.AppendMultiEnd(body)}
	}
	t.Fatalf("%s: unknown request %q", d.Pos, line)
	return request{}
}

func (s *story) show(d *datadriven.TestData) error {
	p := s.w.servers[0].proc
	if len(d.CmdArgs) == 0 {
		for id := range p.sessions.All() {
			s.w.note("session %#x owns %q", id, p.tree.Ephemerals(nil, id))
		}
		return nil
	}
	for _, arg := range d.CmdArgs {
		v := p.tree.View(arg.Key)
		if !v.Exists() {
			s.w.note("%s does not exist", arg.Key)
		} else {
			var st wire.Stat
			v.Stat(&st)
			s.w.note("%s is %q, version %d, cversion %d, %d children, owner %#x", arg.Key, v.Data(), st.Version, st.Cversion, st.NumChildren, st.EphemeralOwner)
		}
		v.Close()
	}
	return nil
}
