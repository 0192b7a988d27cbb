package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// What a pure package may not import: whatever reaches the machine it runs on.
var actingPackages = []string{
	"os", "net", "syscall", "log", "io/fs", "io/ioutil", "path/filepath", "embed", "plugin", "runtime", "context",
	"testing", "crypto/rand", "golang.org/x/sys",
}

// What a lone package may not import besides.
var sharingPackages = []string{"sync"}

// Functions a pure package may not use, by the package that declares them; "*" are all but the exceptions.
var actingFunctions = map[string][]string{
	"time":         {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"},
	"math/rand":    {"*", "New", "NewSource", "NewZipf"},
	"math/rand/v2": {"*", "New", "NewPCG", "NewChaCha8", "NewZipf"},
	"maps":         {"All", "Keys", "Values"}, // in an order that changes from run to run
}

// orderUnseen, with a reason after it, excuses a line whose order nobody can observe.
const orderUnseen = "// order unseen: "

// The packages that decide have no goroutine, clock, socket, file or global random source, and no order of a map can
// be seen from outside: one seed replays one history. That holds for what users run, and for what the tests run.
func TestWhatDecidesIsPure(t *testing.T) {
	if testing.Short() {
		t.Skip("it type-checks a part of the standard library from source, and the pass without -short does that")
	}
	for _, r := range house {
		if !r.pure {
			continue
		}
		for _, tags := range [][]string{nil, {"invariants"}} {
			t.Run(fmt.Sprintf("%s%v", strings.ReplaceAll(r.path, "/", "."), tags), func(t *testing.T) {
				p := newPurity(r.lone)
				for _, name := range goFiles(t, r.path, tags) {
					if err := p.add(name, nil); err != nil {
						t.Fatal(err)
					}
				}
				for _, fault := range p.faults(r.path) {
					t.Error(fault)
				}
			})
		}
	}
}

// goFiles lists the files of a package that a build with these tags compiles.
func goFiles(t *testing.T, dir string, tags []string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	builder := build.Default
	builder.BuildTags = tags
	for _, entry := range entries {
		name := entry.Name()
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		matches, err := builder.MatchFile(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		if matches {
			names = append(names, path.Join(dir, name))
		}
	}
	return names
}

// The test above can fail: each of these lines breaks one rule.
func TestThePurityTestFindsWhatBreaksIt(t *testing.T) {
	cases := []struct{ rule, imports, body, fault string }{
		{"arithmetic is pure", "", `x := 1; _ = x`, ""},
		{"durations are pure", `import "time"`, `_ = 2 * time.Second; _ = time.Duration(1)`, ""},
		{"a source of one's own is pure", `import "math/rand/v2"`, `_ = rand.New(rand.NewPCG(1, 2)).IntN(3)`, ""},
		{"slices are ordered", "", `for range []int{1} {}`, ""},
		{"a goroutine", "", `go func() {}()`, "go statement"},
		{"the clock", `import "time"`, `_ = time.Now()`, "time.Now"},
		{"the clock by another name", `import clock "time"`, `f := clock.Since; _ = f`, "time.Since"},
		{"sleeping", `import . "time"`, `Sleep(1)`, "time.Sleep"},
		{"a timer", `import "time"`, `_ = time.NewTimer(1)`, "time.NewTimer"},
		{"a file", `import "os"`, `_, _ = os.Open("x")`, "imports os"},
		{"a socket", `import "net/netip"`, `_ = netip.Addr{}`, ""},
		{"a connection", `import "net"`, `_, _ = net.Dial("tcp", "x")`, "imports net"},
		{"signals", `import "os/signal"`, `signal.Ignore()`, "imports os/signal"},
		{"the global random source", `import "math/rand"`, `_ = rand.Int()`, "math/rand.Int"},
		{"the new global random source", `import "math/rand/v2"`, `_ = rand.IntN(3)`, "math/rand/v2.IntN"},
		{"ranging over a map", "", `for range map[int]int{} {}`, "range over a map"},
		{"ranging over a named map", "", `for range (index{}) {}`, "range over a map"},
		{"ranging over a map with a reason", "", "for range (index{}) { // order unseen: they are summed\n}", ""},
		{"a reason that gives none", "", "for range (index{}) { // order unseen: \n}", "range over a map"},
		{"the keys of a map", `import "maps"`, `_ = maps.Keys(index{})`, "maps.Keys"},
		{"a lock", `import "sync"`, `var m sync.Mutex; m.Lock()`, "imports sync"},
		{"an atomic", `import "sync/atomic"`, `var n atomic.Int64; n.Add(1)`, "imports sync/atomic"},
		{"a channel", "", `_ = make(chan int)`, "channel"},
		{"selecting", "", `select {}`, "select statement"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			p := newPurity(true)
			text := "package sample\n" + c.imports + "\ntype index map[int]int\nvar _ index\nfunc f() {\n" + c.body + "\n}\nvar _ = f\n"
			if err := p.add("sample.go", []byte(text)); err != nil {
				t.Fatal(err)
			}
			found := p.faults("sample")
			switch {
			case c.fault == "" && len(found) > 0:
				t.Fatalf("pure code is faulted: %q", found)
			case c.fault != "" && (len(found) == 0 || !strings.Contains(strings.Join(found, "\n"), c.fault)):
				t.Fatalf("faults %q, want one that says %q", found, c.fault)
			}
		})
	}
}

// purity checks the files of one package.
type purity struct {
	lone    bool
	fset    *token.FileSet
	files   []*ast.File
	info    types.Info
	excused map[string]map[int]bool // by file and line: the order of the map there is unseen
	found   []string
}

func newPurity(lone bool) *purity {
	return &purity{
		lone: lone,
		fset: sharedFiles,
		info: types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{},
		},
		excused: map[string]map[int]bool{},
	}
}

// The packages a pure one imports are type-checked from their source, once for all tests.
var (
	sharedFiles    = token.NewFileSet()
	sourceImporter = importer.ForCompiler(sharedFiles, "source", nil)
)

// add parses a file; text nil reads it from disk.
func (p *purity) add(name string, text []byte) error {
	var from any
	if text != nil {
		from = text
	}
	f, err := parser.ParseFile(p.fset, name, from, parser.ParseComments)
	if err != nil {
		return err
	}
	lines := map[int]bool{}
	for _, group := range f.Comments {
		for _, comment := range group.List {
			if reason, ok := strings.CutPrefix(comment.Text, orderUnseen); ok && strings.TrimSpace(reason) != "" {
				lines[p.fset.Position(comment.Pos()).Line] = true
			}
		}
	}
	p.excused[name] = lines
	p.files = append(p.files, f)
	return nil
}

// faults type-checks the package and lists what is not pure in it.
func (p *purity) faults(path string) []string {
	config := types.Config{Importer: sourceImporter, Error: func(err error) {
		if soft, ok := err.(types.Error); !ok || !soft.Soft { // an unused name in a sample is no matter
			p.found = append(p.found, err.Error())
		}
	}}
	_, _ = config.Check(path, p.fset, p.files, &p.info)
	for _, f := range p.files {
		for _, i := range f.Imports {
			p.checkImport(i)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			p.checkNode(n)
			return true
		})
	}
	return p.found
}

func (p *purity) fault(n ast.Node, format string, args ...any) {
	p.found = append(p.found, fmt.Sprintf("%v: %s", p.fset.Position(n.Pos()), fmt.Sprintf(format, args...)))
}

func (p *purity) checkImport(i *ast.ImportSpec) {
	imported := strings.Trim(i.Path.Value, `"`)
	forbidden := actingPackages
	if p.lone {
		forbidden = slices.Concat(actingPackages, sharingPackages)
	}
	for _, name := range forbidden {
		below := strings.HasPrefix(imported, name+"/") && imported != "net/netip" // netip only parses addresses
		if imported == name || below {
			p.fault(i, "imports %s", imported)
		}
	}
}

func (p *purity) checkNode(n ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		p.fault(n, "go statement")
	case *ast.SelectStmt:
		p.fault(n, "select statement")
	case *ast.ChanType:
		p.fault(n, "channel")
	case *ast.RangeStmt:
		p.checkRange(n)
	case *ast.Ident:
		p.checkUse(n)
	}
}

func (p *purity) checkRange(n *ast.RangeStmt) {
	t := p.info.Types[n.X].Type
	if t == nil {
		p.fault(n, "range over what has no known type")
		return
	}
	if _, isMap := t.Underlying().(*types.Map); isMap && !p.isExcused(n) {
		p.fault(n, "range over a map: sort the keys, or end the line with %q and why", orderUnseen)
	}
}

func (p *purity) checkUse(n *ast.Ident) {
	f, ok := p.info.Uses[n].(*types.Func)
	if !ok || f.Pkg() == nil || f.Signature().Recv() != nil {
		return
	}
	names := actingFunctions[f.Pkg().Path()]
	if len(names) == 0 {
		return
	}
	listed := slices.Contains(names, f.Name())
	if names[0] == "*" {
		listed = !listed
	}
	if excusable := f.Pkg().Path() == "maps"; listed && !(excusable && p.isExcused(n)) {
		p.fault(n, "%s.%s", f.Pkg().Path(), f.Name())
	}
}

func (p *purity) isExcused(n ast.Node) bool {
	at := p.fset.Position(n.Pos())
	return p.excused[at.Filename][at.Line]
}
