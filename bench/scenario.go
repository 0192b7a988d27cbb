package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Scenario is one question, as data: a mix of operations and the ceiling its answer is held against.
type Scenario struct {
	Name     string `json:"name"`
	Question string `json:"question"`
	// Mix is weighted operations in the load generator's own notation, such as "get=90,set=10".
	Mix string `json:"mix"`
	// Ceiling names the bare server that does the least work this mix allows; empty where no bare server answers it.
	Ceiling ceilingKind `json:"ceiling,omitempty"`
}

// scenarios in the order in which they run and are shown. The names are those of the published tables of the field, so
// that readers can line them up.
var scenarios = []Scenario{
	{
		Name:     "read100",
		Question: "What does a read cost, and how many are served, when nothing changes?",
		Mix:      "get=100", Ceiling: ceilingEcho,
	},
	{
		Name:     "mixed90",
		Question: "What do reads pay when one request in ten is a write that must reach the disk?",
		Mix:      "get=90,set=10",
	},
	{
		Name:     "mixed50",
		Question: "And when every second request is a write?",
		Mix:      "get=50,set=50",
	},
	{
		Name:     "write100",
		Question: "How near does a durable write come to what this disk and this network allow?",
		Mix:      "set=100", Ceiling: ceilingAppend,
	},
}

// Shape is how the load is spread: Sessions connections with Depth requests in flight on each, closed loop.
type Shape struct {
	Sessions int `json:"sessions"`
	Depth    int `json:"depth"`
}

// String writes a shape as it is given on the command line: "64x32".
func (s Shape) String() string { return fmt.Sprintf("%dx%d", s.Sessions, s.Depth) }

// The shapes of the suite: callers that wait for each answer, and callers that pipeline.
var defaultShapes = []Shape{{Sessions: 128, Depth: 1}, {Sessions: 64, Depth: 32}}

// The value sizes of the suite, in bytes.
var defaultValueBytes = []int{100, 1024}

// The key space of every window: this many znodes are created and filled before the load starts.
const keyCount = 1000

// Case is one cell of the suite: a scenario at one value size under one shape of load.
type Case struct {
	Scenario   Scenario `json:"scenario"`
	ValueBytes int      `json:"valueBytes"`
	Shape      Shape    `json:"shape"`
}

// Budget is what DESIGN's table allows a case to differ from its ceiling. Of the two limits one is set.
type Budget struct {
	// MaxCPURatio bounds server CPU per operation over the ceiling's.
	MaxCPURatio float64 `json:"maxCPURatio,omitempty"`
	// MinThroughput bounds throughput over the ceiling's, from below: 0.5 is half of it.
	MinThroughput float64 `json:"minThroughput,omitempty"`
}

// budgetOf returns the budget of a case, and whether it has one.
func budgetOf(c Case) (Budget, bool) {
	single := c.Shape.Depth == 1
	switch {
	case c.Scenario.Name == "read100" && single:
		return Budget{MaxCPURatio: 1.2}, true
	case c.Scenario.Name == "read100":
		return Budget{MaxCPURatio: 3}, true
	case c.Scenario.Name == "write100" && !single && c.ValueBytes <= 100:
		return Budget{MinThroughput: 0.5}, true
	case c.Scenario.Name == "write100" && !single:
		return Budget{MinThroughput: 0.7}, true
	}
	return Budget{}, false
}

// selectScenarios turns a comma-separated list of names into scenarios, in the suite's order. An empty list means all.
// An unknown name is an error that lists the known ones.
func selectScenarios(list string) ([]Scenario, error) {
	if strings.TrimSpace(list) == "" {
		return scenarios, nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.ContainsFunc(scenarios, func(s Scenario) bool { return s.Name == name }) {
			return nil, fmt.Errorf("unknown scenario %q; known are %s", name, strings.Join(scenarioNames(), ", "))
		}
		wanted[name] = true
	}
	var selected []Scenario
	for _, s := range scenarios {
		if wanted[s.Name] {
			selected = append(selected, s)
		}
	}
	return selected, nil
}

func scenarioNames() []string {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		names[i] = s.Name
	}
	return names
}

// parseShapes reads "128x1,64x32". An empty list means the suite's own.
func parseShapes(list string) ([]Shape, error) {
	if strings.TrimSpace(list) == "" {
		return defaultShapes, nil
	}
	var shapes []Shape
	for item := range strings.SplitSeq(list, ",") {
		sessions, depth, ok := strings.Cut(strings.TrimSpace(item), "x")
		s, errS := strconv.Atoi(sessions)
		d, errD := strconv.Atoi(depth)
		if !ok || errS != nil || errD != nil || s < 1 || d < 1 || s > 100_000 || d > 10_000 {
			return nil, fmt.Errorf("shape %q is not SESSIONSxDEPTH, such as 64x32", item)
		}
		shapes = append(shapes, Shape{Sessions: s, Depth: d})
	}
	return shapes, nil
}

// parseValueBytes reads "100,1024". An empty list means the suite's own. The upper bound keeps a value, with its
// request around it, below the frame limit every ZooKeeper has by default.
func parseValueBytes(list string) ([]int, error) {
	if strings.TrimSpace(list) == "" {
		return defaultValueBytes, nil
	}
	var sizes []int
	for item := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(item))
		if err != nil || n < 0 || n > 1_000_000 {
			return nil, fmt.Errorf("value size %q is not a number of bytes from 0 to 1000000", item)
		}
		sizes = append(sizes, n)
	}
	return sizes, nil
}
