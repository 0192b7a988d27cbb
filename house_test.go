package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// room is one package of the house: where it stands, and what its walls are made of. The drawing is in README.md.
type room struct {
	path  string
	floor int
	// pure: it decides and does not act. No goroutine, clock, socket, file, global random source.
	pure bool
	// lone: nothing else touches its state either. No channel, no lock, no atomic.
	lone bool
	// support: only tests and other support import it.
	support bool
	// only, if not nil, are all the packages of the house it may import: loadgen works against any ZooKeeper, so it
	// must not learn from the server.
	only []string
}

// house is the table of floors. An import goes to a lower floor: never level, never up.
var house = []room{
	{path: ".", floor: 7},
	{path: "bench", floor: 6},
	{path: "server", floor: 5},
	{path: "loadgen", floor: 5, only: []string{"loadgen/client", "engine/wire"}},
	{path: "server/peer", floor: 4},
	{path: "loadgen/client", floor: 4, only: []string{"engine/wire"}},
	{path: "engine/zkfile", floor: 4},
	{path: "engine", floor: 3},
	{path: "engine/sim", floor: 3, support: true},
	{path: "engine/replica", floor: 2, pure: true},
	{path: "engine/watch", floor: 2},
	{path: "engine/tree", floor: 1},
	{path: "engine/session", floor: 1},
	{path: "wal/memfs", floor: 1, support: true},
	{path: "engine/zab", floor: 0, pure: true, lone: true},
	{path: "engine/wire", floor: 0},
	{path: "wal", floor: 0},
}

// guest is a module from outside, and the rooms it may stay in.
type guest struct {
	module string
	rooms  []string // nil: any
	tests  bool     // it judges: only tests and support import it
}

var guests = []guest{
	{module: "github.com/panjf2000/gnet/v2", rooms: []string{"server", "bench"}},
	{module: "github.com/cespare/xxhash/v2"},
	{module: "github.com/klauspost/compress"},
	{module: "github.com/HdrHistogram/hdrhistogram-go"},
	{module: "github.com/google/pprof", rooms: []string{"bench"}},
	{module: "golang.org/x/sys"},
	{module: "github.com/go-zookeeper/zk", tests: true},
	{module: "github.com/anishathalye/porcupine", tests: true},
	{module: "github.com/cockroachdb/datadriven", tests: true},
}

const modulePath = "bellwether"

// Every import goes to a lower floor, every package is in the table and has a doc.go, and every guest is in its room.
func TestTheHouseStands(t *testing.T) {
	files, err := readSources(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults(files) {
		t.Error(fault)
	}
}

// The test above can fail: each of these trees breaks one rule.
func TestTheHouseTestFindsWhatBreaksIt(t *testing.T) {
	doc := func(pkg string) string { return "// Package " + pkg + " is drawn here.\npackage " + pkg + "\n" }
	cases := []struct {
		rule  string
		files map[string]string
		fault string // a part of the only fault; empty: the tree is sound
	}{
		{"down is allowed", map[string]string{
			"engine/tree/doc.go": doc("tree"),
			"engine/tree/a.go":   "package tree\nimport _ \"bellwether/engine/wire\"\n",
		}, ""},
		{"up is not", map[string]string{
			"engine/wire/doc.go": doc("wire"),
			"engine/wire/a.go":   "package wire\nimport _ \"bellwether/engine/tree\"\n",
		}, "engine/wire/a.go: floor 0 imports engine/tree on floor 1"},
		{"level is not", map[string]string{
			"loadgen/doc.go":     doc("loadgen"),
			"engine/tree/doc.go": doc("tree"),
			"engine/tree/a.go":   "package tree\nimport _ \"bellwether/engine/session\"\n",
		}, "floor 1 imports engine/session on floor 1"},
		{"tests keep to the floors too", map[string]string{
			"engine/tree/doc.go":    doc("tree"),
			"engine/tree/a_test.go": "package tree\nimport _ \"bellwether/engine\"\n",
		}, "floor 1 imports engine on floor 3"},
		{"a test from outside imports its own package", map[string]string{
			"engine/tree/doc.go":    doc("tree"),
			"engine/tree/a_test.go": "package tree_test\nimport _ \"bellwether/engine/tree\"\n",
		}, ""},
		{"the log is tested on the disk that crashes", map[string]string{
			"wal/doc.go":    doc("wal"),
			"wal/a_test.go": "package wal_test\nimport _ \"bellwether/wal/memfs\"\n",
		}, ""},
		{"the log is not built on it", map[string]string{
			"wal/doc.go": doc("wal"),
			"wal/a.go":   "package wal\nimport _ \"bellwether/wal/memfs\"\n",
		}, "floor 0 imports wal/memfs on floor 1"},
		{"test support stays with the tests", map[string]string{
			"server/doc.go": doc("server"),
			"server/a.go":   "package server\nimport _ \"bellwether/engine/sim\"\n",
		}, "engine/sim is for tests"},
		{"gnet stays in server and bench", map[string]string{
			"engine/doc.go": doc("engine"),
			"engine/a.go":   "package engine\nimport _ \"github.com/panjf2000/gnet/v2\"\n",
		}, "github.com/panjf2000/gnet/v2 belongs in server, bench"},
		{"tests are no exception for gnet", map[string]string{
			"engine/doc.go":    doc("engine"),
			"engine/a_test.go": "package engine\nimport _ \"github.com/panjf2000/gnet/v2/pkg/pool\"\n",
		}, "belongs in server, bench"},
		{"a judge is no part of the product", map[string]string{
			"loadgen/doc.go": doc("loadgen"),
			"loadgen/a.go":   "package loadgen\nimport _ \"github.com/go-zookeeper/zk\"\n",
		}, "github.com/go-zookeeper/zk is for tests"},
		{"a stranger is named", map[string]string{
			"loadgen/doc.go": doc("loadgen"),
			"loadgen/a.go":   "package loadgen\nimport _ \"example.org/left/pad\"\n",
		}, "example.org/left/pad is not in the table of guests"},
		{"the load generator knows no server code", map[string]string{
			"loadgen/doc.go": doc("loadgen"),
			"loadgen/a.go":   "package loadgen\nimport _ \"bellwether/engine/tree\"\n",
		}, "loadgen may import only"},
		{"an unknown package is named", map[string]string{
			"util/doc.go": doc("util"),
		}, "util is not in the table of the house"},
		{"a package without a doc.go is named", map[string]string{
			"engine/wire/a.go": "package wire\n",
		}, "engine/wire has no doc.go"},
		{"a doc.go that says nothing is none", map[string]string{
			"engine/wire/doc.go": "package wire\n",
		}, "engine/wire has no doc.go"},
		{"a package is named as its folder", map[string]string{
			"engine/wire/doc.go": doc("codec"),
		}, "engine/wire/doc.go: package codec"},
		{"what is imported must be in the table", map[string]string{
			"engine/doc.go": doc("engine"),
			"engine/a.go":   "package engine\nimport _ \"bellwether/util\"\n",
		}, "imports util, which is not in the table of the house"},
	}
	for _, c := range cases {
		t.Run(c.rule, func(t *testing.T) {
			tree := fstest.MapFS{}
			for name, text := range c.files {
				tree[name] = &fstest.MapFile{Data: []byte(text)}
			}
			files, err := readSources(tree)
			if err != nil {
				t.Fatal(err)
			}
			found := faults(files)
			switch {
			case c.fault == "" && len(found) > 0:
				t.Fatalf("a sound tree is faulted: %q", found)
			case c.fault != "" && (len(found) != 1 || !strings.Contains(found[0], c.fault)):
				t.Fatalf("faults %q, want one that says %q", found, c.fault)
			}
		})
	}
}

// source is what the rules need to know of a file.
type source struct {
	name    string // from the root of the repository
	dir     string // its room
	pkg     string // its package clause
	isTest  bool
	hasDoc  bool // a comment stands before the package clause
	imports []string
}

// readSources reads the head of every Go file, whatever its build tags. Hidden directories and testdata are not the
// house's.
func readSources(root fs.FS) ([]source, error) {
	var files []source
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() {
			if name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		head, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, describe(name, head))
		return nil
	})
	return files, err
}

func describe(name string, head *ast.File) source {
	s := source{
		name: name, dir: path.Dir(name), pkg: head.Name.Name,
		isTest: strings.HasSuffix(name, "_test.go"), hasDoc: head.Doc != nil,
	}
	for _, i := range head.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			panic(err) // the parser has read it
		}
		s.imports = append(s.imports, imported)
	}
	return s
}

// faults lists what breaks the rules, in the order of the files.
func faults(files []source) (found []string) {
	rooms := map[string]bool{}
	for i := range files {
		f := &files[i]
		if !rooms[f.dir] {
			rooms[f.dir] = true
			found = append(found, roomFaults(f.dir, files)...)
		}
		r := findRoom(f.dir)
		if r == nil {
			continue
		}
		if want := packageName(f.dir); f.pkg != want && !(f.isTest && f.pkg == want+"_test") {
			found = append(found, fmt.Sprintf("%s: package %s, want %s", f.name, f.pkg, want))
		}
		for _, imported := range f.imports {
			if fault := importFault(f, r, imported); fault != "" {
				found = append(found, f.name+": "+fault)
			}
		}
	}
	return found
}

// roomFaults checks a folder as a whole.
func roomFaults(dir string, files []source) []string {
	if findRoom(dir) == nil {
		return []string{dir + " is not in the table of the house"}
	}
	for i := range files {
		isDoc := path.Base(files[i].name) == "doc.go" || dir == "." && files[i].name == "main.go"
		if files[i].dir == dir && isDoc && files[i].hasDoc {
			return nil
		}
	}
	return []string{dir + " has no doc.go with a package comment"}
}

func findRoom(dir string) *room {
	for i := range house {
		if house[i].path == dir {
			return &house[i]
		}
	}
	return nil
}

func packageName(dir string) string {
	if dir == "." {
		return "main"
	}
	return path.Base(dir)
}

// importFault says what is wrong with one import, or nothing.
func importFault(f *source, r *room, imported string) string {
	switch first, _, _ := strings.Cut(imported, "/"); {
	case imported == modulePath || strings.HasPrefix(imported, modulePath+"/"):
		return houseFault(f, r, strings.TrimPrefix(imported, modulePath+"/"))
	case strings.Contains(first, "."):
		return guestFault(f, r, imported)
	}
	return "" // the standard library
}

func houseFault(f *source, r *room, imported string) string {
	other := findRoom(imported)
	fromTest := f.isTest || r.support
	switch {
	case other == nil:
		return fmt.Sprintf("imports %s, which is not in the table of the house", imported)
	case f.isTest && imported == f.dir, f.pkg == "wal_test" && imported == "wal/memfs":
		return ""
	case other.floor >= r.floor:
		return fmt.Sprintf("floor %d imports %s on floor %d", r.floor, imported, other.floor)
	case other.support && !fromTest:
		return fmt.Sprintf("imports %s: %s is for tests", imported, imported)
	case r.only != nil && !f.isTest && !slices.Contains(r.only, imported):
		return fmt.Sprintf("imports %s: %s may import only %s", imported, r.path, strings.Join(r.only, ", "))
	}
	return ""
}

func guestFault(f *source, r *room, imported string) string {
	for _, g := range guests {
		if imported != g.module && !strings.HasPrefix(imported, g.module+"/") {
			continue
		}
		switch {
		case g.rooms != nil && !slices.Contains(g.rooms, r.path):
			return fmt.Sprintf("%s belongs in %s", g.module, strings.Join(g.rooms, ", "))
		case g.tests && !f.isTest && !r.support:
			return g.module + " is for tests"
		}
		return ""
	}
	return imported + " is not in the table of guests"
}
