package sim

import "fmt"

// kind is one thing that can happen.
type kind uint8

const (
	tickTime     kind = iota // time passes
	clientActs               // a client sends something, connects, or goes away
	clientHears              // a frame arrives at a client, or the news that its link is closed
	serverHears              // the same at a server
	loopTurns                // an event loop does one delivery
	coreThinks               // the core loop takes all that has come in
	commitGoes               // the commit loop does one of: take, append, sync, say so, write epochs, release
	applyGoes                // the apply loop does one of: take, apply one transaction, publish
	snapshotGoes             // a snapshot is written a little further
	reap                     // the server looks for empty containers
	startServer
	trouble // one of the faults
	actionKinds
)

var kindNames = [...]string{"tick", "client acts", "client hears", "server hears", "loop", "core", "commit", "apply", "snapshot",
	"reap", "start", "trouble"}

func (k kind) String() string { return kindNames[k] }

// action is a kind of thing and what it happens to.
type action struct {
	kind   kind
	server *server
	client *client
	link   *link
}

// choose draws one of the things that can happen now.
func (w *World) choose() action {
	if !w.quiet && w.chance(w.faults.total()) {
		return action{kind: trouble, server: w.servers[w.rng.IntN(len(w.servers))]}
	}
	w.actions = append(w.actions[:0], action{kind: tickTime})
	for _, s := range w.servers {
		w.addServerActions(s)
	}
	for _, c := range w.clients {
		if c.mayAct() {
			w.actions = append(w.actions, action{kind: clientActs, client: c})
		}
	}
	for _, l := range w.links {
		if l.reachesServer() {
			w.actions = append(w.actions, action{kind: serverHears, link: l})
		}
		if l.reachesClient() {
			w.actions = append(w.actions, action{kind: clientHears, link: l})
		}
	}
	return w.draw()
}

func (w *World) addServerActions(s *server) {
	add := func(k kind, possible bool) {
		if possible {
			w.actions = append(w.actions, action{kind: k, server: s})
		}
	}
	p := s.proc
	if p == nil {
		add(startServer, w.nowMs >= s.upAtMs)
		return
	}
	add(coreThinks, !p.inbox.empty())
	add(commitGoes, p.commit.possible(w.nowMs))
	add(applyGoes, p.apply.possible())
	add(snapshotGoes, p.snap.possible())
	add(loopTurns, len(p.outbox) > 0)
	add(reap, !w.quiet && p.serving && w.rng.IntN(64) == 0)
}

// draw chooses among the actions by the weights of their kinds.
func (w *World) draw() action {
	total := 0
	for i := range w.actions {
		total += w.settings.weights[w.actions[i].kind]
	}
	n := w.rng.IntN(total)
	for i := range w.actions {
		if n -= w.settings.weights[w.actions[i].kind]; n < 0 {
			return w.actions[i]
		}
	}
	panic("sim: the weights do not add up")
}

// perform does an action. An error is a broken promise.
func (w *World) perform(a action) error {
	switch a.kind {
	case tickTime:
		w.nowMs += zabTickMs
		for _, s := range w.servers {
			if s.proc != nil {
				s.proc.inbox.ticks++
			}
		}
		return nil
	case clientActs:
		a.client.act()
		return nil
	case clientHears:
		return a.link.deliverDown()
	case serverHears:
		return a.link.deliverUp()
	case loopTurns:
		return a.server.proc.turn()
	case coreThinks:
		return a.server.proc.think()
	case commitGoes:
		return a.server.proc.commitStep()
	case applyGoes:
		return a.server.proc.applyStep()
	case snapshotGoes:
		return a.server.proc.snapshotStep()
	case reap:
		a.server.proc.reap()
		return nil
	case startServer:
		return a.server.start()
	case trouble:
		return w.trouble(a.server)
	}
	panic(fmt.Sprintf("sim: nobody knows how to do %v", a.kind))
}
