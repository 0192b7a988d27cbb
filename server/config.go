package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"
)

// Defaults of a server started by flags alone. A zoo.cfg has Apache's own: see newFileConfig.
const (
	DefaultHost     = "127.0.0.1"
	DefaultPort     = 2181
	DefaultDataDir  = "data"
	DefaultTickTime = 2 * time.Second
)

// apacheTickTime is the tick of a zoo.cfg that names none.
const apacheTickTime = 3 * time.Second

// portUnset is the client port of a configuration that names none; 0 asks the system for a free port.
const portUnset = -1

// Config is everything a server is told from outside: by zoo.cfg, by Java system properties in the environment, by
// flags. Durations carry their unit in their type, sizes in their name. It is plain data: filled before the server
// starts, read by everybody afterwards, changed by nobody.
type Config struct {
	File string // the zoo.cfg it was read from; empty when flags were all there was

	// Where clients come in.
	ClientPortAddress       string // host or address to listen on; empty is every address of the machine
	ClientPort              int    // 0 asks the system for a free port; below 0 means that none was named
	ClientPortListenBacklog int    // as written, for conf; -1 when not given
	ClientTCPKeepAlive      bool

	// Where the data lies.
	DataDir    string
	DataLogDir string // of the transaction log; empty is DataDir

	// Time and sessions.
	TickTime           time.Duration
	MinSessionTimeout  time.Duration // 0 is two ticks
	MaxSessionTimeout  time.Duration // 0 is twenty ticks
	SessionlessTimeout time.Duration // a connection that has not asked for a session by then is closed

	// Limits.
	MaxClientCnxns         int // connections of one address; 0 is no limit
	MaxCnxns               int // connections altogether; 0 is no limit
	JuteMaxBufferBytes     int // largest frame a client may send
	GlobalOutstandingLimit int // requests in the pipeline above which reading pauses; 0 is the engine's own limit

	// The log and the snapshots.
	SnapCount             int           // transactions between two snapshots
	PreAllocBytes         int64         // size of a log segment
	FsyncWarningThreshold time.Duration // a sync slower than this is logged
	SnapRetainCount       int           // snapshots kept, with the log that belongs to them

	// Who may do what.
	SkipACL         bool      // access control lists are stored, and not checked
	SuperDigest     string    // the digest id ("user:hash") that may do everything; empty is none
	ExtendedTypes   bool      // TTL znodes may be created
	FourLetterWords Whitelist // the words that are answered

	Ensemble EnsembleConfig

	// How the server speaks to its operator.
	LogFormat LogFormat
	LogLevel  slog.Level

	// origins remembers where a key was given ("zoo.cfg:12", "--tick"), for the errors that come later.
	origins map[string]origin
}

// EnsembleConfig is what a zoo.cfg says about the other servers. It is read and checked; refuseFellows says what is made of it.
type EnsembleConfig struct {
	ServerID          int64    // from the file myid; 0 when there is none
	Members           []Member // in ascending order of ID
	Groups            []Group  // in ascending order of ID; empty is a plain majority
	Weights           []Weight // in ascending order of ID; a voter without one weighs 1
	DynamicConfigFile string   // where the members stand, when not in zoo.cfg
	InitLimitTicks    int
	SyncLimitTicks    int
	ElectionAlg       int
	Observer          bool // peerType=observer
	StandaloneEnabled bool
	QuorumListenOnAll bool // quorumListenOnAllIPs
	CommitLogCount    int  // committed transactions kept for a DIFF
	CnxTimeout        time.Duration
}

// DefaultConfig returns the configuration of a server that was given neither a file nor flags.
func DefaultConfig() *Config {
	c := newFileConfig("")
	c.ClientPortAddress, c.ClientPort = DefaultHost, DefaultPort
	c.DataDir = DefaultDataDir
	c.TickTime = DefaultTickTime
	c.MaxClientCnxns = 0 // who starts it by hand loads it from one address; a zoo.cfg has Apache's 60
	return c
}

// newFileConfig returns what Apache ZooKeeper assumes for a zoo.cfg that leaves everything out, with three departures:
// the harmless four-letter words are on (Apache: srvr alone), old snapshots are purged (Apache: never), and
// globalOutstandingLimit is larger than Apache's 1000, which would hold back what group commit lives on.
func newFileConfig(name string) *Config {
	return &Config{
		File:                    name,
		ClientPort:              portUnset,
		ClientPortListenBacklog: -1,
		TickTime:                apacheTickTime,
		SessionlessTimeout:      10 * time.Second,
		MaxClientCnxns:          60,
		JuteMaxBufferBytes:      0xfffff,
		SnapCount:               100_000,
		PreAllocBytes:           64 << 20,
		FsyncWarningThreshold:   time.Second,
		SnapRetainCount:         minSnapRetainCount,
		FourLetterWords:         DefaultWhitelist,
		Ensemble: EnsembleConfig{
			ElectionAlg:       3,
			StandaloneEnabled: true,
			CommitLogCount:    500,
			CnxTimeout:        5 * time.Second,
		},
		origins: map[string]origin{},
	}
}

// ListenAddress is the host:port clients are awaited on; an empty host is every address of the machine.
func (c *Config) ListenAddress() string {
	return net.JoinHostPort(c.ClientPortAddress, strconv.Itoa(c.ClientPort))
}

// LogDir is the directory of the transaction log: DataLogDir, or DataDir where that is not given.
func (c *Config) LogDir() string {
	if c.DataLogDir == "" {
		return c.DataDir
	}
	return c.DataLogDir
}

// SessionTimeouts returns the bounds between which a client's wish is clamped: two and twenty ticks unless given.
func (c *Config) SessionTimeouts() (shortest, longest time.Duration) {
	shortest, longest = c.MinSessionTimeout, c.MaxSessionTimeout
	if shortest == 0 {
		shortest = 2 * c.TickTime
	}
	if longest == 0 {
		longest = 20 * c.TickTime
	}
	return shortest, longest
}

// Validate checks what no single key can know: that values fit each other, and that nothing needed is missing. Each
// error names where the value came from and what to do; several are joined.
func (c *Config) Validate() error {
	return errors.Join(c.validateRelations(), c.validatePresence())
}

// validatePresence asks for what has no default in a zoo.cfg. Flags may still supply it, so it comes last.
func (c *Config) validatePresence() error {
	var errs []error
	if c.DataDir == "" {
		errs = append(errs, c.fault("dataDir", "is missing", "write dataDir=/path/to/data, or start with --data"))
	}
	if c.ClientPort == portUnset {
		errs = append(errs, c.fault("clientPort", "is missing", "write clientPort=2181, or start with --listen"))
	}
	return errors.Join(errs...)
}

func (c *Config) validateRelations() error {
	var errs []error
	if c.TickTime < time.Millisecond || c.TickTime > maxTickTime {
		errs = append(errs, c.fault("tickTime", fmt.Sprintf("a tick of %v cannot be kept", c.TickTime),
			fmt.Sprintf("choose between 1ms and %v; 2000 milliseconds are usual", maxTickTime)))
	}
	if shortest, longest := c.SessionTimeouts(); shortest > longest {
		errs = append(errs, c.fault("minSessionTimeout",
			fmt.Sprintf("the shortest session timeout, %v, is above the longest, %v", shortest, longest),
			"lower minSessionTimeout or raise maxSessionTimeout (not given, they are 2 and 20 ticks)"))
	}
	return errors.Join(append(errs, c.validateEnsemble())...)
}

// settleClientPort takes the client's address from the server's own member line where no key or flag named one: that
// is where Apache's container image and dynamic configuration files keep it.
func (c *Config) settleClientPort() {
	own, ok := c.Ensemble.own()
	if c.ClientPort == portUnset && ok && own.ClientPort != 0 {
		c.ClientPortAddress, c.ClientPort = own.ClientHost, own.ClientPort
	}
}

// The bounds of a log segment: the smallest that holds any group of writes, and the largest the log takes.
const (
	minSegmentBytes = 8 << 20
	maxSegmentBytes = 1 << 30
)

// settleSegment makes a log segment hold whole pages and twice the largest request, whatever preAllocSize says: to
// Apache that is a step by which a file grows, here it is a file's size.
func (c *Config) settleSegment() []Notice {
	const page = 4096
	least := max(c.PreAllocBytes, minSegmentBytes, 2*int64(c.JuteMaxBufferBytes))
	least = (least + page - 1) / page * page
	o, given := c.origins["preAllocSize"]
	if least == c.PreAllocBytes || !given {
		c.PreAllocBytes = least
		return nil
	}
	c.PreAllocBytes = least
	return []Notice{{Where: o.String(), Key: "preAllocSize", Text: fmt.Sprintf("a log segment is %d kilobytes, so that it holds "+
		"whole pages and the largest group of requests", least>>10)}}
}

// absolute makes the directories independent of the working directory, for conf and for error texts.
func (c *Config) absolute() error {
	for _, dir := range []*string{&c.DataDir, &c.DataLogDir} {
		if *dir == "" {
			continue
		}
		path, err := filepath.Abs(*dir)
		if err != nil {
			return fmt.Errorf("server: find the absolute path of %s: %w", *dir, err)
		}
		*dir = path
	}
	return nil
}
