package bench

import (
	"strings"
	"testing"
)

// Every scenario asks a question, has a mix whose weights add up, and a name of its own.
func TestScenariosAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios {
		if s.Name == "" || seen[s.Name] {
			t.Errorf("scenario %q: no name of its own", s.Name)
		}
		seen[s.Name] = true
		if !strings.HasSuffix(s.Question, "?") {
			t.Errorf("%s asks no question: %q", s.Name, s.Question)
		}
		if s.Mix == "" {
			t.Errorf("%s has no mix", s.Name)
		}
	}
}

// The scenarios of the quick suite are those the field's tables use.
func TestQuickSuiteHasTheFieldsScenarios(t *testing.T) {
	if got := strings.Join(scenarioNames(), " "); got != "read100 mixed90 mixed50 write100" {
		t.Fatalf("scenarios %s", got)
	}
}

// Scenarios run in the suite's order, whatever the order of asking, and once.
func TestSelectionKeepsTheSuitesOrder(t *testing.T) {
	got, err := selectScenarios("write100, read100,write100")
	if err != nil || len(got) != 2 || got[0].Name != "read100" || got[1].Name != "write100" {
		t.Fatalf("selected %+v, %v", got, err)
	}
	if all, err := selectScenarios(""); err != nil || len(all) != len(scenarios) {
		t.Fatalf("nothing selected means %d scenarios, %v", len(all), err)
	}
}

// Who mistypes a name learns the names there are.
func TestUnknownScenarioListsTheKnown(t *testing.T) {
	_, err := selectScenarios("read100,reed")
	if err == nil || !strings.Contains(err.Error(), `"reed"`) {
		t.Fatalf("error %v", err)
	}
	for _, name := range scenarioNames() {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestShapesAndSizesAreRead(t *testing.T) {
	shapes, err := parseShapes("1x1, 64x32")
	if err != nil || len(shapes) != 2 || shapes[1] != (Shape{Sessions: 64, Depth: 32}) || shapes[1].String() != "64x32" {
		t.Fatalf("shapes %v, %v", shapes, err)
	}
	sizes, err := parseValueBytes("0, 1024")
	if err != nil || len(sizes) != 2 || sizes[1] != 1024 {
		t.Fatalf("sizes %v, %v", sizes, err)
	}
	for _, bad := range []string{"64", "x", "0x1", "1x0", "64x32x2", "-1x1", "1000000x1"} {
		if got, err := parseShapes(bad); err == nil {
			t.Errorf("shape %q was read as %v", bad, got)
		}
	}
	for _, bad := range []string{"-1", "1k", "100,", "2000000"} {
		if got, err := parseValueBytes(bad); err == nil {
			t.Errorf("size %q was read as %v", bad, got)
		}
	}
}

// The budgets are those of the design's table.
func TestBudgets(t *testing.T) {
	single, deep := Shape{Sessions: 128, Depth: 1}, Shape{Sessions: 64, Depth: 32}
	for _, test := range []struct {
		name  string
		bytes int
		shape Shape
		want  Budget
	}{
		{"read100", 100, single, Budget{MaxCPURatio: 1.2}},
		{"read100", 1024, deep, Budget{MaxCPURatio: 3}},
		{"write100", 100, deep, Budget{MinThroughput: 0.5}},
		{"write100", 1024, deep, Budget{MinThroughput: 0.7}},
	} {
		got, ok := budgetOf(Case{Scenario: Scenario{Name: test.name}, ValueBytes: test.bytes, Shape: test.shape})
		if !ok || got != test.want {
			t.Errorf("%s %d %v: %+v, %v", test.name, test.bytes, test.shape, got, ok)
		}
	}
	if _, ok := budgetOf(Case{Scenario: Scenario{Name: "mixed50"}, Shape: deep}); ok {
		t.Error("a mix has no ceiling, hence no budget")
	}
}
