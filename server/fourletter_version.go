package server

import (
	"runtime/debug"
	"sync"
	"time"
)

// compatibleVersion is the version of Apache ZooKeeper whose protocol and formats this server speaks.
const compatibleVersion = "3.9.5"

// ZooKeeperVersion is what clients and monitoring are told as the server's version, such as
//
//	3.9.5-bellwether-4f1c2ab, built on 11/22/2026 08:00 GMT
//
// Three parsers agree on this form alone: Apache's own wants a dash right after the third number, kazoo the leading
// digits and dots, go-zookeeper letters, digits, dots and dashes, then an American date. A binary built outside a
// repository does not know its commit, and says 1970.
var ZooKeeperVersion = sync.OnceValue(func() string {
	info, _ := debug.ReadBuildInfo()
	return zooKeeperVersion(info)
})

func zooKeeperVersion(info *debug.BuildInfo) string {
	revision, built := "devel", time.Unix(0, 0)
	if info != nil {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision" && len(s.Value) >= 7:
				revision = s.Value[:7]
			case s.Key == "vcs.time":
				if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
					built = t
				}
			}
		}
	}
	return compatibleVersion + "-bellwether-" + revision + ", built on " + built.UTC().Format("01/02/2006 15:04") + " GMT"
}
