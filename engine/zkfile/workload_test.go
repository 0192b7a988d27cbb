package zkfile

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
)

var open = zk.WorldACL(zk.PermAll)

// everyKind has a client write znodes of every kind, with everything that can be stored.
func everyKind(t *testing.T, c *zk.Conn) {
	t.Helper()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create := func(path string, data []byte, flags int32, acl []zk.ACL) {
		t.Helper()
		_, err := c.Create(path, data, flags, acl)
		must(nil, err)
	}
	create("/plain", []byte("data"), 0, open)
	create("/null", nil, 0, open)
	create("/empty", []byte{}, 0, open)
	create("/ünïcode-日本", []byte("ü"), 0, open)
	create("/parent", []byte("p"), 0, open)
	for range 5 {
		create("/parent/seq-", nil, zk.FlagSequence, open)
	}
	must(nil, c.Delete("/parent/seq-0000000002", -1))
	create("/ephemeral", []byte("mine"), zk.FlagEphemeral, open)
	create("/ephemeral-", []byte("mine"), zk.FlagEphemeralSequential, open)
	_, err := c.CreateContainer("/container", []byte("c"), zk.FlagContainer, open)
	must(nil, err)
	create("/container/child", nil, 0, open)
	_, err = c.CreateTTL("/ttl", []byte("t"), zk.FlagTTL, open, time.Hour)
	must(nil, err)
	_, err = c.CreateTTL("/ttl-", []byte("t"), zk.FlagPersistentSequentialWithTTL, open, time.Hour)
	must(nil, err)
	must(nil, c.AddAuth("digest", []byte("bell:wether")))
	create("/owned", []byte("o"), 0, zk.AuthACL(zk.PermAll))
	create("/several", nil, 0, append(zk.DigestACL(zk.PermRead, "some", "body"), zk.WorldACL(zk.PermRead)[0], zk.ACL{Perms: zk.PermAll, Scheme: "ip", ID: "127.0.0.1"}))
	create("/changed", []byte("0"), 0, open)
	for i := range 3 {
		_, err = c.Set("/changed", fmt.Appendf(nil, "%d", i), -1)
		must(nil, err)
	}
	_, err = c.SetACL("/changed", zk.AuthACL(zk.PermAll), -1)
	must(nil, err)
	create("/zookeeper/quota/parent", nil, 0, open)
	create("/zookeeper/quota/parent/zookeeper_limits", []byte("count=100,bytes=-1"), 0, open)
	create("/zookeeper/quota/parent/zookeeper_stats", []byte("count=5,bytes=1"), 0, open)
	create("/parent/counted", []byte("more"), 0, open)
	_, err = c.Multi(&zk.CreateRequest{Path: "/multi", Acl: open}, &zk.CreateRequest{Path: "/multi/child", Data: []byte("m"), Acl: open},
		&zk.SetDataRequest{Path: "/plain", Data: []byte("by multi"), Version: -1}, &zk.CheckVersionRequest{Path: "/plain", Version: 1},
		&zk.DeleteRequest{Path: "/empty", Version: -1}, &zk.CreateRequest{Path: "/empty", Data: []byte{}, Acl: open})
	must(nil, err)
	if _, err = c.Multi(&zk.CreateRequest{Path: "/never", Acl: open}, &zk.DeleteRequest{Path: "/no-such", Version: -1}); err == nil {
		t.Fatal("a multi that cannot be succeeded")
	}
	if _, err = c.Create("/plain", nil, 0, open); err != zk.ErrNodeExists {
		t.Fatal(err)
	}
}

// churn has several clients create, change and delete the same znodes for a while, so that snapshots taken meanwhile are
// not of one moment. Some of the sessions are closed in the end.
func churn(t *testing.T, s *javaServer, operations int) {
	t.Helper()
	var wg sync.WaitGroup
	for worker := range 4 {
		c := s.connect()
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 7))
			for range operations / 4 {
				top := fmt.Sprintf("/churn-%d", r.IntN(20))
				below := fmt.Sprintf("%s/%d", top, r.IntN(5))
				switch r.IntN(10) { // whether it works is not the question
				case 0, 1:
					_, _ = c.Create(top, []byte("top"), 0, open)
				case 2, 3:
					_, _ = c.Create(below, nil, 0, open)
				case 4:
					_, _ = c.Create(below, []byte("e"), zk.FlagEphemeral, open)
				case 5:
					_, _ = c.Create(top+"/s-", nil, zk.FlagSequence, open)
				case 6:
					_ = c.Delete(below, -1)
				case 7:
					children, _, _ := c.Children(top)
					for _, name := range children {
						_ = c.Delete(top+"/"+name, -1)
					}
					_ = c.Delete(top, -1)
				case 8:
					_, _ = c.Set(below, fmt.Appendf(nil, "%d", r.IntN(1000)), -1)
				case 9:
					_, _ = c.SetACL(below, zk.WorldACL(int32(1+r.IntN(31))|zk.PermRead|zk.PermWrite|zk.PermAdmin), -1)
				}
			}
			if worker%2 == 0 {
				c.Close()
			}
		})
	}
	wg.Wait()
}
