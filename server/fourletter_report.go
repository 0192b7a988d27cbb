package server

// Report is what the four-letter words tell, as plain data. The server fills the parts a word needs when it is asked,
// and nothing before; whoever fills a Report owns it.
type Report struct {
	// PartState: figures that are counted anyway.

	Version         string  // as ZooKeeperVersion gives it; every part has it
	Mode            string  // standalone, leader, follower, observer, read-only; empty while the server does not serve
	ReadOnly        bool    // it serves reads alone
	LatencyMin      int64   // from a request's arrival to its answer, in milliseconds, as the two below
	LatencyAvg      float64 //
	LatencyMax      int64   //
	Received        int64   // frames, from clients
	Sent            int64   // frames, to clients, events included
	ConnectionCount int64   // open connections, the asking one included
	Outstanding     int64   // requests received and not answered
	Zxid            int64   // of the last transaction applied
	ZnodeCount      int64

	// PartMetrics: what mntr adds.

	WatchCount     int64 // data and child watches
	EphemeralCount int64
	SessionCount   int64
	DataSizeBytes  int64 // of all znodes, paths included
	UptimeMillis   int64
	OpenFiles      int64 // file descriptors; below 0 where the system does not tell
	MaxFiles       int64 // the limit of OpenFiles; below 0 where the system does not tell
	Gauges         []Gauge
	Summaries      []Summary

	Clients     []ClientReport     // PartClients
	Watches     WatchReport        // PartWatches
	Directories DirectoryReport    // PartDirectories
	Environment []EnvironmentEntry // PartEnvironment
	Config      *Config            // PartConfig
	ClientPort  int                // PartConfig: the port that is listened on, where Config asks for any
}

// Parts is a set of parts of a Report.
type Parts uint8

// The parts of a Report.
const (
	PartState Parts = 1 << iota
	PartMetrics
	PartClients
	PartWatches
	PartDirectories
	PartEnvironment
	PartConfig
)

// Has reports whether all of p are in the set.
func (s Parts) Has(p Parts) bool { return s&p == p }

// Gauge is a figure of mntr under a name of Apache's (client-protocol §9.3), without the prefix zk_. Counters are
// written the same way.
type Gauge struct {
	Name  string
	Value int64
}

// Summary is a distribution of mntr under a name of Apache's, without the prefix zk_. Its unit is the name's, mostly
// milliseconds.
type Summary struct {
	Name                string
	Avg                 float64
	Min, Max            int64
	Count, Sum          int64
	Quantiles           bool // whether the four below are known
	P50, P95, P99, P999 int64
}

// ClientReport is one connection, for stat and cons.
type ClientReport struct {
	Remote   string // address:port
	Interest int    // what its socket is waited on for: 1 to read, 4 to write
	Queued   int64  // requests received and not answered
	Received int64  // frames
	Sent     int64  // frames

	// What follows holds when SessionID is not 0.

	SessionID      int64
	LastOperation  string // as LastOperationName gives it
	Established    int64  // when it connected, in milliseconds since 1970
	TimeoutMillis  int64  // of the session
	LastCxid       int64  // the xid of its last request; below 0 when there was none
	LastZxid       int64  // in its last answer; -1 when there was none
	LastResponse   int64  // when it was answered last, in milliseconds of a steady clock
	LastLatency    int64  // milliseconds, as the three below
	MinimumLatency int64  //
	AverageLatency int64  //
	MaximumLatency int64  //
}

// WatchReport counts the watches on data; those on children do not count here.
type WatchReport struct {
	Connections int64 // that have one
	Paths       int64 // that have one
	Total       int64
}

// DirectoryReport says where the data lies and how much there is of it.
type DirectoryReport struct {
	Data, Log           string // absolute paths
	DataBytes, LogBytes int64  // of all files below them
}

// EnvironmentEntry is one line of envi.
type EnvironmentEntry struct{ Key, Value string }
