package loadgen

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"bellwether/engine/wire"
	"bellwether/loadgen/client"
)

// Arrival is how the requests of an open loop are spread over time.
type Arrival string

// The arrivals there are.
const (
	Uniform Arrival = "uniform" // evenly spaced
	Poisson Arrival = "poisson" // as from many independent users
)

// KeyDist is how keys are chosen.
type KeyDist struct {
	Kind  string  `json:"kind"`            // UniformKeys or Zipf
	Theta float64 `json:"theta,omitempty"` // Zipf: key i is chosen in proportion to 1/(i+1)^Theta
}

// The kinds of KeyDist.
const (
	UniformKeys = "uniform"
	Zipf        = "zipf"
)

// String is uniform, or zipf with its theta.
func (d KeyDist) String() string {
	if d.Kind == Zipf {
		return fmt.Sprintf("zipf:%g", d.Theta)
	}
	return d.Kind
}

// Config describes a run completely. Start from DefaultConfig and set Servers. Durations are nanoseconds in JSON.
type Config struct {
	Servers  []string `json:"servers"` // host:port
	Chroot   string   `json:"chroot,omitempty"`
	Sessions int      `json:"sessions"`
	Depth    int      `json:"depth"`   // most requests in flight per session; in a closed loop always so many
	Workers  int      `json:"workers"` // event loops, each with a thread of its own. 0: half the cores, 8 at most

	Rate    float64 `json:"rate"` // requests per second in all (open loop); 0 means a closed loop
	Arrival Arrival `json:"arrival,omitempty"`

	Mix       Mix     `json:"mix"`
	MultiSize int     `json:"multi_size"` // setData per multi
	Keys      int     `json:"keys"`
	KeyPrefix string  `json:"key_prefix"` // absolute, below Chroot: all znodes of the run are below it
	DirSize   int     `json:"dir_size"`   // keys per directory: what children lists
	KeyDist   KeyDist `json:"key_dist"`
	ValueSize int     `json:"value_size"` // bytes

	Warmup   time.Duration `json:"warmup_ns"`   // load that is not measured, before
	Duration time.Duration `json:"duration_ns"` // measured time; 0: until Count
	Count    int64         `json:"count"`       // measured requests; 0: until Duration
	Drain    time.Duration `json:"drain_ns"`    // how long after the end requests that are due are still sent and waited for
	Seed     uint64        `json:"seed"`

	SessionTimeout time.Duration `json:"session_timeout_ns"` // asked for
	Patience       time.Duration `json:"patience_ns"`        // how long all servers may be unreachable before the run is given up
	Auth           []client.Auth `json:"-"`                  // not in results: it is secret
	Keep           bool          `json:"keep"`               // leave the keys for the next run

	// Progress, if not nil, is called about once a second, and at every change of phase, from a goroutine of the run.
	Progress func(Progress) `json:"-"`

	turn func(*worker) // of tests: called once a turn while load is on
}

// DefaultConfig is a closed loop of 50 sessions with one request in flight each, reading 9 times of 10. By default
// ZooKeeper accepts 60 connections from one address.
func DefaultConfig() Config {
	return Config{
		Sessions: 50, Depth: 1, Arrival: Uniform,
		Mix: Mix{Get: 90, Set: 10}, MultiSize: 4,
		Keys: 10_000, KeyPrefix: "/bellwether-load", DirSize: 100, KeyDist: KeyDist{Kind: UniformKeys}, ValueSize: 100,
		Warmup: 2 * time.Second, Duration: 10 * time.Second, Drain: 10 * time.Second, Seed: 1,
		SessionTimeout: 30 * time.Second, Patience: 10 * time.Second,
	}
}

// The bounds of a Config.
const (
	MaxSessions  = 1_000_000
	MaxKeys      = 100_000_000
	MaxZipfKeys  = 16_000_000 // a zipf table takes eight bytes a key
	MaxValueSize = wire.DefaultMaxFrame - 1024
	MaxInFlight  = 64_000_000 // Sessions times Depth
	MaxRate      = 100_000_000
)

// defaultWorkers leaves half of the machine to a server on it.
func defaultWorkers() int { return min(max(runtime.NumCPU()/2, 1), 8) }

// withDefaults fills in what may be left out.
func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = defaultWorkers()
	}
	c.Workers = min(c.Workers, max(c.Sessions, 1))
	if c.Rate == 0 {
		c.Arrival = ""
	}
	return c
}

// Model is open or closed.
func (c *Config) Model() string {
	if c.Rate > 0 {
		return "open"
	}
	return "closed"
}

// Validate says everything that is wrong with c, each with the field, what it is, and the remedy; nil if nothing is.
func (c *Config) Validate() error {
	var wrong []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	refuse(len(c.Servers) == 0, "servers: none given: name at least one host:port")
	refuse(c.Sessions < 1 || c.Sessions > MaxSessions, "sessions: %d: want 1 to %d", c.Sessions, MaxSessions)
	refuse(c.Depth < 1 || c.Depth > client.MaxDepth, "depth: %d: want 1 to %d requests in flight per session", c.Depth, client.MaxDepth)
	refuse(c.Sessions > 0 && c.Depth > 0 && c.Sessions*c.Depth > MaxInFlight,
		"depth: %d sessions × %d are more than %d requests in flight: lower one of them", c.Sessions, c.Depth, MaxInFlight)
	refuse(c.Workers < 0 || c.Workers > 256, "workers: %d: want 1 to 256, or 0 for half the cores", c.Workers)
	refuse(c.Rate < 0 || c.Rate > MaxRate || math.IsNaN(c.Rate),
		"rate: %g: want requests per second up to %d, or 0 for a closed loop", c.Rate, MaxRate)
	refuse(c.Rate > 0 && c.Arrival != Uniform && c.Arrival != Poisson, "arrival: %q: want %s or %s", c.Arrival, Uniform, Poisson)
	refuse(c.Warmup < 0, "warmup: %v is negative: want 0 or more", c.Warmup)
	refuse(c.Duration < 0, "duration: %v is negative: want more than 0, or 0 with a count", c.Duration)
	refuse(c.Count < 0, "count: %d is negative: want more than 0, or 0 with a duration", c.Count)
	refuse(c.Duration == 0 && c.Count == 0, "duration and count are both 0: the run would never end: give one of them")
	refuse(c.Drain < 0, "drain: %v is negative: want 0 or more", c.Drain)
	refuse(c.SessionTimeout < time.Millisecond || c.SessionTimeout > math.MaxInt32*time.Millisecond,
		"session timeout: %v: want 1ms to %v", c.SessionTimeout, math.MaxInt32*time.Millisecond)
	refuse(c.Patience <= 0, "patience: %v: want more than 0", c.Patience)
	wrong = append(wrong, c.validateMix()...)
	wrong = append(wrong, c.validateKeys()...)
	return errors.Join(wrong...)
}

func (c *Config) validateMix() []error {
	if c.Mix.total() == 0 {
		return []error{errors.New("mix: all weights are 0: give at least one operation a weight, as in get=90,set=10")}
	}
	var wrong []error
	if c.Mix[Delete] > c.Mix[Create] {
		wrong = append(wrong, fmt.Errorf("mix: delete=%d with create=%d: a delete takes a znode that a create of the run made: raise create to at least %d",
			c.Mix[Delete], c.Mix[Create], c.Mix[Delete]))
	}
	if n := c.MultiSize; c.Mix[Multi] > 0 && (n < 1 || n > 1000 || n*(c.ValueSize+maxPath) > MaxValueSize) {
		wrong = append(wrong, fmt.Errorf("multi size: %d setData of %d bytes: want 1 to 1000 that fit a request of %d bytes: lower multi or value size",
			n, c.ValueSize, wire.DefaultMaxFrame))
	}
	return wrong
}

func (c *Config) validateKeys() []error {
	var wrong []error
	if c.Keys < 1 || c.Keys > MaxKeys {
		wrong = append(wrong, fmt.Errorf("keys: %d: want 1 to %d", c.Keys, MaxKeys))
	}
	if c.DirSize < 1 {
		wrong = append(wrong, fmt.Errorf("dir size: %d: want at least one key per directory", c.DirSize))
	}
	if c.ValueSize < 0 || c.ValueSize > MaxValueSize {
		wrong = append(wrong, fmt.Errorf("value size: %d: want 0 to %d bytes (a server refuses larger requests by default)", c.ValueSize, MaxValueSize))
	}
	if path := c.Chroot + c.KeyPrefix; c.KeyPrefix == "/" || wire.ValidatePath(path) != nil || len(path) > maxPrefix {
		wrong = append(wrong, fmt.Errorf("key prefix: %q below chroot %q: want an absolute path like /bellwether-load, %d bytes at most with the chroot",
			c.KeyPrefix, c.Chroot, maxPrefix))
	} else if strings.HasPrefix(path+"/", "/zookeeper/") {
		wrong = append(wrong, fmt.Errorf("key prefix: %q is within the servers' own /zookeeper: choose another", path))
	}
	switch d := c.KeyDist; d.Kind {
	case UniformKeys:
	case Zipf:
		if !(d.Theta > 0 && d.Theta <= 10) {
			wrong = append(wrong, fmt.Errorf("key distribution: zipf with theta %g: want more than 0, up to 10; 0.99 is usual", d.Theta))
		}
		if c.Keys > MaxZipfKeys {
			wrong = append(wrong, fmt.Errorf("keys: %d with zipf: want %d at most, or the uniform distribution", c.Keys, MaxZipfKeys))
		}
	default:
		wrong = append(wrong, fmt.Errorf("key distribution: %q: want %s or %s", d.Kind, UniformKeys, Zipf))
	}
	return wrong
}
