package bench

import (
	"context"
	"io/fs"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is where a run took place.
type Machine struct {
	OS          string `json:"os"`
	Kernel      string `json:"kernel"`
	Arch        string `json:"arch"`
	CPU         string `json:"cpu"`
	Cores       int    `json:"cores"`
	MemoryBytes int64  `json:"memoryBytes"`
}

// describeMachine reads proc, the file system under /proc, and etc, the one under /etc. What cannot be read stays
// empty: a report without the name of a CPU is still a report.
func describeMachine(proc, etc fs.FS) Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU()}
	if release, err := fs.ReadFile(etc, "os-release"); err == nil {
		if name := textField(release, "PRETTY_NAME="); name != "" {
			m.OS = strings.Trim(name, `"`)
		}
	}
	if kernel, err := fs.ReadFile(proc, "sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(kernel))
	}
	if cpu, err := fs.ReadFile(proc, "cpuinfo"); err == nil {
		m.CPU = strings.TrimSpace(strings.TrimPrefix(textField(cpu, "model name"), "\t:"))
	}
	if memory, err := fs.ReadFile(proc, "meminfo"); err == nil {
		m.MemoryBytes = procField(memory, "MemTotal:") * 1024
	}
	return m
}

// textField returns what follows name on the first line that starts with it.
func textField(text []byte, name string) string {
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimRight(rest, "\n")
		}
	}
	return ""
}

// Build is what ran: this binary is the server, the ceilings and the load generator at once.
type Build struct {
	Go     string `json:"go"`
	Commit string `json:"commit"`
	// Modified says that the working tree differed from the commit.
	Modified bool `json:"modified"`
	// PGO says that the binary was built with a profile.
	PGO bool `json:"pgo"`
}

// describeBuild asks the binary itself, and git in the working directory where the binary was built without its
// version. The commit is "unknown" if neither knows.
func describeBuild(ctx context.Context) Build {
	b := Build{Go: runtime.Version(), Commit: "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				b.Commit = setting.Value
			case "vcs.modified":
				b.Modified = setting.Value == "true"
			case "-pgo":
				b.PGO = setting.Value != ""
			}
		}
	}
	if b.Commit != "unknown" {
		return b
	}
	if commit, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output(); err == nil {
		b.Commit = strings.TrimSpace(string(commit))
		changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
		b.Modified = err == nil && len(strings.TrimSpace(string(changed))) > 0
	}
	return b
}
