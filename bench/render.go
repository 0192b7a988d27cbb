package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"
)

// render makes RESULTS.md out of a raw result. It is a pure function: the same result gives the same bytes.
func render(r *Result) ([]byte, error) {
	var b bytes.Buffer
	if err := resultsTemplate.Execute(&b, newReport(r)); err != nil {
		return nil, fmt.Errorf("render the report: %w", err)
	}
	return b.Bytes(), nil
}

//go:embed results.md.tmpl
var resultsText string

var resultsTemplate = template.Must(template.New("RESULTS.md").Funcs(template.FuncMap{
	"count":   formatCount,
	"seconds": func(d Nanos) string { return trimZeroes(fmt.Sprintf("%.1f", d.Seconds())) },
	"micros":  func(d Nanos) string { return fmt.Sprintf("%d µs", d.Microseconds()) },
	"gib":     func(n int64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) },
	"percent": percent,
	"join":    strings.Join,
	"trim":    strings.TrimSpace,
}).Parse(resultsText))

// report is what the template shows: strings, ready to be put into cells.
type report struct {
	*Result
	Invalid  int     // windows that the load generator distrusts
	Queued   float64 // the most of any window
	Ceilings []ceilingRow
	Tables   []scenarioTable
	Stages   stageTable
}

type ceilingRow struct {
	Scenario, Value, Load, Party   string
	ServerCPU, CeilingCPU, CPU     string
	ServerOps, CeilingOps, Through string
	Budget, Verdict                string
}

type scenarioTable struct {
	Scenario Scenario
	Rows     []windowRow
	// Loads are the load generator's commands, one for each row.
	Loads []string
}

type windowRow struct {
	Party, Value, Load                       string
	Ops                                      string
	ReadP50, ReadP99, ReadP999               string
	WriteP50, WriteP99, WriteP999            string
	ServerCPU, GeneratorCPU, RSS, Sync, Note string
}

// stageTable has a column for each profile and a row for each stage.
type stageTable struct {
	Profiles []string
	Files    []string
	Rows     []stageRow
}

type stageRow struct {
	Stage  Stage
	Shares []string
}

func newReport(r *Result) report {
	rep := report{Result: r, Stages: newStageTable(r.Profiles)}
	for _, c := range r.Cases {
		for _, w := range c.Windows {
			rep.Queued = max(rep.Queued, w.Load.Queued)
			if len(w.Load.Invalid) > 0 {
				rep.Invalid++
			}
		}
		for _, party := range partiesOf(c) {
			if k, ok := c.compare(party); ok && party != nameCeiling {
				rep.Ceilings = append(rep.Ceilings, newCeilingRow(c.Case, k))
			}
		}
		last := len(rep.Tables) - 1
		if last < 0 || rep.Tables[last].Scenario.Name != c.Case.Scenario.Name {
			rep.Tables = append(rep.Tables, scenarioTable{Scenario: c.Case.Scenario})
			last++
		}
		rep.Tables[last].add(c)
	}
	return rep
}

// partiesOf lists the parties of a case in the order of their first windows.
func partiesOf(c CaseResult) []string {
	var names []string
	for _, w := range c.Windows {
		if !slices.Contains(names, w.Party) {
			names = append(names, w.Party)
		}
	}
	return names
}

func newCeilingRow(c Case, k comparison) ceilingRow {
	row := ceilingRow{
		Scenario: c.Scenario.Name, Value: formatBytes(c.ValueBytes), Load: formatShape(c.Shape), Party: k.server.party,
		ServerCPU: formatMicros(k.server.serverCPU), CeilingCPU: formatMicros(k.ceiling.serverCPU),
		CPU:       fmt.Sprintf("%.2f ×", k.cpu),
		ServerOps: formatCount(k.server.throughput), CeilingOps: formatCount(k.ceiling.throughput),
		Through: fmt.Sprintf("%.0f %%", 100*k.throughput),
	}
	if !k.hasBudget {
		return row
	}
	if k.budget.MaxCPURatio > 0 {
		row.Budget = fmt.Sprintf("CPU ≤ %s ×", trimZeroes(fmt.Sprintf("%.1f", k.budget.MaxCPURatio)))
	} else {
		row.Budget = fmt.Sprintf("throughput ≥ %.0f %%", 100*k.budget.MinThroughput)
	}
	switch {
	case k.server.party != nameServer: // the budget is ours: the peer's ratio is there to compare
		row.Budget = ""
	case k.budget.MinThroughput > 0 && len(k.server.invalid)+len(k.ceiling.invalid) > 0:
		row.Verdict = "**INVALID**" // the generator's throughput, not theirs
	case k.met():
		row.Verdict = "met"
	default:
		row.Verdict = "**missed**"
	}
	return row
}

// add appends a row for each party of the case.
func (t *scenarioTable) add(c CaseResult) {
	for _, party := range partiesOf(c) {
		s, ok := c.summarize(party)
		row := windowRow{Party: party, Value: formatBytes(c.Case.ValueBytes), Load: formatShape(c.Case.Shape)}
		if ok {
			row.fill(s)
		}
		row.Note = noteOf(c, s)
		t.Rows = append(t.Rows, row)
		i := slices.IndexFunc(c.Windows, func(w Window) bool { return w.Party == party && w.Load.Command != "" })
		if i >= 0 {
			t.Loads = append(t.Loads, c.Windows[i].Load.Command)
		}
	}
}

func (row *windowRow) fill(s summary) {
	row.Ops = formatCount(s.throughput)
	if s.windows > 1 {
		row.Ops += fmt.Sprintf(" (%s–%s)", formatCount(s.slowest), formatCount(s.fastest))
	}
	row.ReadP50, row.ReadP99, row.ReadP999 = formatLatency(s.reads)
	row.WriteP50, row.WriteP99, row.WriteP999 = formatLatency(s.writes)
	row.ServerCPU, row.GeneratorCPU = formatMicros(s.serverCPU), formatMicros(s.generatorCPU)
	row.RSS = fmt.Sprintf("%d", (s.peakRSS+(1<<19))>>20)
	if s.sync != nil && s.writes.Count > 0 { // without writes there were only those of the preparation
		row.Sync = formatMillis(s.sync.P50) + " / " + formatMillis(s.sync.P99)
	}
}

// noteOf says, loudly, what a reader must know before using a row.
func noteOf(c CaseResult, s summary) string {
	var notes []string
	if len(s.invalid) > 0 {
		notes = append(notes, "**INVALID**: "+strings.Join(s.invalid, "; "))
	}
	if s.errors > 0 {
		notes = append(notes, fmt.Sprintf("**%s errors**", formatCount(float64(s.errors))))
	}
	for _, w := range c.Windows {
		if w.Party == s.party && w.Error != "" {
			line, _, _ := strings.Cut(w.Error, "\n")
			notes = append(notes, "**FAILED**: "+line)
		}
	}
	return strings.ReplaceAll(strings.Join(notes, ", "), "|", "\\|")
}

func newStageTable(profiles []ProfileSummary) stageTable {
	var t stageTable
	for _, p := range profiles {
		t.Profiles = append(t.Profiles, fmt.Sprintf("%s %s", p.Case.Scenario.Name, formatBytes(p.Case.ValueBytes)))
		t.Files = append(t.Files, p.File)
	}
	for i, stage := range stages {
		row := stageRow{Stage: stage}
		for _, p := range profiles {
			if i < len(p.Stages) {
				row.Shares = append(row.Shares, percent(p.Stages[i].Share))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func formatBytes(n int) string {
	if n >= 1024 && n%1024 == 0 {
		return fmt.Sprintf("%d KiB", n/1024)
	}
	return fmt.Sprintf("%d B", n)
}

func formatShape(s Shape) string { return fmt.Sprintf("%d × %d", s.Sessions, s.Depth) }

// formatCount rounds to a whole number and sets commas between thousands.
func formatCount(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// formatMicros writes microseconds with as many digits as a measurement of some seconds supports.
func formatMicros(us float64) string {
	if us < 10 {
		return fmt.Sprintf("%.2f", us)
	}
	return fmt.Sprintf("%.1f", us)
}

// formatLatency returns the three percentiles in milliseconds, or nothing for an empty distribution.
func formatLatency(l Latency) (p50, p99, p999 string) {
	if l.Count == 0 {
		return "", "", ""
	}
	return formatMillis(l.P50), formatMillis(l.P99), formatMillis(l.P999)
}

func formatMillis(d Nanos) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 1:
		return fmt.Sprintf("%.3f", ms)
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	}
	return fmt.Sprintf("%.1f", ms)
}

func trimZeroes(number string) string {
	return strings.TrimSuffix(strings.TrimRight(number, "0"), ".")
}
