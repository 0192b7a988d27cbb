package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// ProfileSummary is what a CPU profile says in a few lines.
type ProfileSummary struct {
	// Case and Party say what ran; File is the profile itself, relative to the report.
	Case  Case   `json:"case"`
	Party string `json:"party"`
	File  string `json:"file"`
	// Wall is how long was sampled, CPU how much CPU time the samples stand for.
	Wall time.Duration `json:"wallNanos"`
	CPU  time.Duration `json:"cpuNanos"`
	// Stages holds every stage, zero shares included, in the order of a request's way.
	Stages []StageShare `json:"stages"`
	// Top holds the functions with most CPU of their own, most first.
	Top []FunctionShare `json:"top"`
}

// StageShare is the part, 0 to 1, of a profile's CPU time that one stage has.
type StageShare struct {
	Stage Stage   `json:"stage"`
	Share float64 `json:"share"`
}

// FunctionShare is the part, 0 to 1, of a profile's CPU time spent in a function itself (Flat) and in it and all it
// called (Cum).
type FunctionShare struct {
	Name string  `json:"name"`
	Flat float64 `json:"flat"`
	Cum  float64 `json:"cum"`
}

// topFunctions is how many functions a summary names.
const topFunctions = 25

// fetchProfile asks a server's net/http/pprof at addr for a CPU profile of the given length, in whole seconds, and
// returns it as it came. It takes that long.
func fetchProfile(ctx context.Context, addr string, seconds int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+10*time.Second)
	defer cancel()
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", addr, seconds)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("profile from %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("profile from %s: %s: %s", url, response.Status, bytes.TrimSpace(body))
	}
	return body, nil
}

// withoutFolders returns a profile that names the binary it was taken of by its name alone: it is kept where others read it.
func withoutFolders(data []byte) ([]byte, error) {
	p, err := profile.ParseData(data)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	for _, m := range p.Mapping {
		m.File = filepath.Base(m.File)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	return b.Bytes(), nil
}

// summarizeProfile reads a CPU profile in pprof's format. Case, Party and File are left to the caller.
func summarizeProfile(data []byte) (ProfileSummary, error) {
	p, err := profile.ParseData(data)
	if err != nil {
		return ProfileSummary{}, fmt.Errorf("profile: %w", err)
	}
	value := slices.IndexFunc(p.SampleType, func(t *profile.ValueType) bool { return t.Type == "cpu" })
	if value < 0 {
		return ProfileSummary{}, errors.New("profile: holds no CPU time")
	}
	var (
		total   int64
		byStage = map[Stage]int64{}
		flat    = map[string]int64{}
		cum     = map[string]int64{}
		stack   []string
	)
	for _, sample := range p.Sample {
		stack = functionsOf(stack[:0], sample)
		if len(stack) == 0 {
			continue
		}
		nanos := sample.Value[value]
		total += nanos
		byStage[classify(stack)] += nanos
		flat[stack[0]] += nanos
		for i, name := range stack {
			if !slices.Contains(stack[:i], name) { // a recursive function counts once a sample
				cum[name] += nanos
			}
		}
	}
	summary := ProfileSummary{Wall: time.Duration(p.DurationNanos), CPU: time.Duration(total)}
	for _, stage := range stages {
		summary.Stages = append(summary.Stages, StageShare{stage, share(byStage[stage], total)})
	}
	for name, nanos := range flat {
		summary.Top = append(summary.Top, FunctionShare{name, share(nanos, total), share(cum[name], total)})
	}
	slices.SortFunc(summary.Top, func(a, b FunctionShare) int {
		return cmp.Or(cmp.Compare(b.Flat, a.Flat), cmp.Compare(b.Cum, a.Cum), cmp.Compare(a.Name, b.Name))
	})
	summary.Top = summary.Top[:min(len(summary.Top), topFunctions)]
	return summary, nil
}

// functionsOf appends the names of a sample's functions to dst, the leaf first, inlined ones as if they were calls.
func functionsOf(dst []string, sample *profile.Sample) []string {
	for _, location := range sample.Location {
		for _, line := range location.Line {
			if line.Function != nil {
				dst = append(dst, line.Function.Name)
			}
		}
	}
	return dst
}

func share(part, total int64) float64 {
	if total == 0 {
		return 0
	}
	return float64(part) / float64(total)
}

// text renders a summary for the file beside the profile.
func (s ProfileSummary) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s, %d B values, %d sessions x %d in flight, %s\n", s.Case.Scenario.Name, s.Case.ValueBytes,
		s.Case.Shape.Sessions, s.Case.Shape.Depth, s.Party)
	fmt.Fprintf(&b, "%.2f s of CPU in %.2f s\n\n", s.CPU.Seconds(), s.Wall.Seconds())
	fmt.Fprintf(&b, "share  stage\n")
	for _, stage := range s.Stages {
		fmt.Fprintf(&b, "%5s  %s\n", percent(stage.Share), stage.Stage)
	}
	fmt.Fprintf(&b, "\n flat    cum  function\n")
	for _, f := range s.Top {
		fmt.Fprintf(&b, "%5s  %5s  %s\n", percent(f.Flat), percent(f.Cum), strings.TrimSpace(f.Name))
	}
	return b.Bytes()
}

// percent writes a share of 0 to 1 as "12.3%".
func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }
