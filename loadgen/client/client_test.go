package client

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bellwether/engine/wire"
)

// soon is a context that no working call outlives.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// The connect string is ZooKeeper's: servers, default port, chroot at the end.
func TestParseServers(t *testing.T) {
	for _, c := range []struct {
		in      string
		servers []string
		chroot  string
	}{
		{"a:1,b:2", []string{"a:1", "b:2"}, ""},
		{"a", []string{"a:2181"}, ""},
		{"a:1, b/app/x", []string{"a:1", "b:2181"}, "/app/x"},
		{"a:1/", []string{"a:1"}, ""},
		{"[::1]:7,[::2]/c", []string{"[::1]:7", "[::2]:2181"}, "/c"},
	} {
		servers, chroot, err := ParseServers(c.in)
		if err != nil || !slices.Equal(servers, c.servers) || chroot != c.chroot {
			t.Errorf("%q: %q %q %v", c.in, servers, chroot, err)
		}
	}
	for _, bad := range []string{"", "a:1,", ":5", "a:0", "a:99999", "a:x", "a:1/app/", "a:1//"} {
		if _, _, err := ParseServers(bad); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

// Paths are below the chroot on the server and relative to it for the caller, in events too.
func TestClientKeepsToItsChroot(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		h, body, _ := p.request()
		var create wire.CreateRequest
		if create.Decode(&body) != nil {
			return
		}
		event := wire.WatcherEvent{Type: wire.EventCreated, State: 3, Path: create.Path}
		out := event.Append(wire.AppendReplyHeader(wire.BeginFrame(nil), wire.XidNotification, 5, wire.OK))
		wire.EndFrame(out, 0)
		p.send(wire.AppendResponse(out, h.Xid, 5, &wire.CreateResponse{Path: create.Path + "0000000001"}))
		p.echo()
	})
	events := make(chan Event, 1)
	c, err := Dial(soon(t), s.addr().String()+"/app", ClientOptions{OnEvent: func(e Event) { events <- e }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	path, err := c.Create(soon(t), "/a-", nil, wire.PersistentSequential, nil)
	if err != nil || path != "/a-0000000001" {
		t.Fatalf("created %q, %v", path, err)
	}
	if e := <-events; e.Path != "/a-" || e.Type != wire.EventCreated {
		t.Fatalf("event %+v", e)
	}
	if c.Path("/") != "/app" || c.local("/app") != "/" {
		t.Fatalf("the root is %q and %q", c.Path("/"), c.local("/app"))
	}
}

// A refusal is an error with operation, path and code; an absent znode is no error for Exists.
func TestClientErrorsSayWhatWasRefused(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		for {
			h, _, ok := p.request()
			if !ok {
				return
			}
			p.send(wire.AppendReply(nil, h.Xid, 1, wire.NoNode))
		}
	})
	c, err := Dial(soon(t), s.addr().String(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _, err = c.Get(soon(t), "/nope", false)
	if CodeOf(err) != wire.NoNode || err.Error() != "getData /nope: NONODE" {
		t.Fatalf("error %v", err)
	}
	if _, ok, err := c.Exists(soon(t), "/nope", false); ok || err != nil {
		t.Fatalf("exists %v, %v", ok, err)
	}
}

// Calls that wait when the session is closed return; later ones do so at once.
func TestClosedClientAnswersEveryCall(t *testing.T) {
	s := serve(t, func(p *peer) {
		p.welcome(7, 10*time.Second)
		p.request()
		p.request() // closeSession: hang up without an answer
	})
	c, err := Dial(soon(t), s.addr().String(), ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { result <- c.Sync(soon(t), "/") }()
	c.Close()
	if err := <-result; CodeOf(err) != wire.ConnectionLoss && !errors.Is(err, ErrClosed) {
		t.Fatalf("the call that waited: %v", err)
	}
	if err := c.Sync(soon(t), "/"); !errors.Is(err, ErrClosed) {
		t.Fatalf("a later call: %v", err)
	}
	c.Close() // again: nothing happens
}

// Dial says which servers it tried when none answers.
func TestDialTellsWhatItTried(t *testing.T) {
	gone := serve(t, echo)
	gone.listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := Dial(ctx, gone.addr().String(), ClientOptions{})
	if err == nil || !strings.Contains(err.Error(), gone.addr().String()) || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("error %v", err)
	}
}

// Against a real server, named by BELLWETHER_TEST_SERVERS: the calls do what they say.
func TestClientAgainstARealServer(t *testing.T) {
	connect := os.Getenv("BELLWETHER_TEST_SERVERS")
	if connect == "" {
		t.Skip("BELLWETHER_TEST_SERVERS is not set to host:port")
	}
	ctx := soon(t)
	events := make(chan Event, 16)
	c, err := Dial(ctx, connect+"/client-test", ClientOptions{
		Auth:    []Auth{{Scheme: "digest", Credential: []byte("u:p")}},
		OnEvent: func(e Event) { events <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.MakePath(ctx, "/"))
	base, err := c.Create(ctx, "/run-", nil, wire.PersistentSequential, nil)
	must(err)
	path, err := c.Create(ctx, base+"/a", []byte("hi"), wire.Persistent, nil)
	must(err)
	data, stat, err := c.Get(ctx, path, true)
	must(err)
	if string(data) != "hi" || stat.Version != 0 {
		t.Fatalf("read %q, %+v", data, stat)
	}
	stat, err = c.Set(ctx, path, []byte("yo"), 0)
	must(err)
	if e := <-events; e.Type != wire.EventDataChanged || e.Path != path || stat.Version != 1 {
		t.Fatalf("event %+v, %+v", e, stat)
	}
	if _, err := c.Set(ctx, path, nil, 0); CodeOf(err) != wire.BadVersion {
		t.Fatalf("set with an old version: %v", err)
	}
	names, stat, err := c.Children(ctx, base, false)
	must(err)
	if !slices.Equal(names, []string{"a"}) || stat.NumChildren != 1 {
		t.Fatalf("children %q, %+v", names, stat)
	}
	must(c.Sync(ctx, path))
	acl, stat, err := c.ACL(ctx, path)
	must(err)
	_, err = c.SetACL(ctx, path, acl, stat.Aversion)
	must(err)
	must(c.Delete(ctx, path, AnyVersion))
	must(c.Delete(ctx, base, AnyVersion))
	if err := c.Delete(ctx, "/", AnyVersion); err != nil && CodeOf(err) != wire.NotEmpty {
		t.Error(err)
	}
	if _, ok, err := c.Exists(ctx, base, false); ok || err != nil {
		t.Fatalf("after the delete: %v, %v", ok, err)
	}
}
