package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The names of the parties, as they stand in results and tables.
const (
	nameServer    = "bellwether"
	nameCeiling   = "ceiling"
	nameZooKeeper = "zookeeper"
)

// running is a party that serves.
type running struct {
	party Party
	child *child
	addr  string
	// pprof is where net/http/pprof answers, empty if it does not.
	pprof string
	dir   string // what it wrote; removed when it is stopped
}

// startAttempts is how often a start is tried: between finding a free port and binding it another program may take it.
const startAttempts = 3

// start runs launch until the party serves.
func start(ctx context.Context, launch func() (*running, error)) (*running, error) {
	var err error
	for range startAttempts {
		var p *running
		if p, err = launch(); err != nil {
			return nil, err
		}
		if err = p.child.waitReady(ctx, p.addr); err == nil {
			return p, nil
		}
		p.discard()
		if ctx.Err() != nil || !portTaken(err) {
			break
		}
	}
	return nil, err
}

// portTaken reports whether a party ended because its port was busy, by its own last words: the kernel's text in Go
// programs, the exception's in Java ones.
func portTaken(err error) bool {
	return strings.Contains(err.Error(), "address already in use") || strings.Contains(err.Error(), "BindException")
}

// stop ends the party in good order and removes its data.
func (p *running) stop() error {
	return errors.Join(p.child.stop(), os.RemoveAll(p.dir))
}

// discard ends the party at once and removes its data.
func (p *running) discard() {
	p.child.kill()
	os.RemoveAll(p.dir)
}

// configText is what every ZooKeeper, ours and the peer, is told: the defaults, on a free port, without the limit on
// connections from one address, which a load generator exceeds by its nature.
func configText(addr, dataDir string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`tickTime=2000
clientPort=%s
clientPortAddress=%s
dataDir=%s
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=*
`, port, host, dataDir), nil
}

// launchServer starts the server under test: this same program, with an empty data directory below root.
func launchServer(program, root string) (*running, error) {
	dir, err := os.MkdirTemp(root, nameServer+"-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	profiles, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config, err := configText(addr, "data")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "zoo.cfg"), []byte(config), 0o644); err != nil {
		return nil, err
	}
	args := []string{"serve", "--config", "zoo.cfg", "--pprof", profiles}
	c, err := startChild("bellwether serve", dir, program, args...)
	if err != nil {
		return nil, err
	}
	party := Party{
		Name: nameServer, What: "the server of this repository, one server, syncing on",
		Command: commandLine("bellwether", args), Config: config,
	}
	return &running{party: party, child: c, addr: addr, pprof: profiles, dir: dir}, nil
}

// launchCeiling starts the ceiling of a kind.
func launchCeiling(program, root string, kind ceilingKind, valueBytes int) (*running, error) {
	dir, err := os.MkdirTemp(root, nameCeiling+"-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	args := []string{"bench", "ceiling", string(kind), "--listen", addr}
	what := "a bare gnet server that answers each frame with one of getData's size"
	if kind == ceilingAppend {
		args = append(args, "--file", "log")
		what = "a bare gnet server that appends each frame to a pre-zeroed file, syncs in groups, and answers"
	} else {
		args = append(args, "--value", strconv.Itoa(valueBytes))
	}
	c, err := startChild(string(kind)+" ceiling", dir, program, args...)
	if err != nil {
		return nil, err
	}
	party := Party{Name: nameCeiling, What: string(kind) + ": " + what, Command: commandLine("bellwether", args)}
	return &running{party: party, child: c, addr: addr, dir: dir}, nil
}

// commandLine writes a command as it would be typed.
func commandLine(program string, args []string) string {
	words := []string{program}
	for _, arg := range args {
		if arg == "" || strings.ContainsAny(arg, " '\"$&|;<>()*?[]#~\\") {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
