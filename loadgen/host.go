package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Build says which program measured.
type Build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source; ends with +changes if it was not committed
	Go       string `json:"go"`
}

// Host is the machine that the generator ran on.
type Host struct {
	OS     string `json:"os"`
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes"`
}

// Server is what a server says of itself.
type Server struct {
	Address string `json:"address"`
	Version string `json:"version,omitempty"`
	Mode    string `json:"mode,omitempty"`    // standalone, leader, follower, observer
	Problem string `json:"problem,omitempty"` // why it does not say
}

// readBuild reads what the Go linker noted in this program.
func readBuild() Build {
	b := Build{Go: runtime.Version(), Version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value + b.Revision
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Revision += "+changes"
		}
	}
	return b
}

// readHost asks the kernel. What it does not tell stays empty: no result fails for it.
func readHost() Host {
	h := Host{OS: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		h.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		h.Memory = int64(info.Totalram) * int64(info.Unit)
	}
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return h
	}
	for line := range bytes.Lines(cpus) {
		if key, value, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(key)) == "model name" {
			h.CPU = string(bytes.TrimSpace(value))
			break
		}
	}
	return h
}

// askPatience is for one server. A server that does not answer in time is not asked again.
const askPatience = time.Second

// askServers asks every server for its version and mode, by the four-letter word srvr. That one does not answer is no
// failure: many forbid it.
func askServers(ctx context.Context, addrs []netip.AddrPort) []Server {
	answers := make(chan Server)
	for _, addr := range addrs {
		go func() { answers <- askServer(ctx, addr.String()) }()
	}
	servers := make([]Server, len(addrs))
	for range addrs {
		s := <-answers
		for i, addr := range addrs {
			if addr.String() == s.Address {
				servers[i] = s
			}
		}
	}
	return servers
}

// askServer sends srvr and reads the two lines that matter. The server closes the connection behind its answer.
func askServer(ctx context.Context, addr string) Server {
	s := Server{Address: addr}
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		s.Problem = err.Error()
		return s
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		s.Problem = err.Error()
		return s
	}
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		s.Problem = err.Error()
		return s
	}
	lines := bufio.NewScanner(io.LimitReader(conn, 64<<10))
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), "Zookeeper version: "); ok {
			s.Version, _, _ = strings.Cut(v, ",")
		}
		if v, ok := strings.CutPrefix(lines.Text(), "Mode: "); ok {
			s.Mode = v
		}
	}
	if s.Version == "" {
		s.Problem = "no answer to srvr"
	}
	return s
}
