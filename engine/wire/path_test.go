package wire_test

import (
	"strings"
	"testing"
	"unicode/utf16"

	"bellwether/engine/wire"
)

// Which paths are legal, and why the others are not.
func TestValidatePath(t *testing.T) {
	for _, v := range []struct {
		path string
		want error
	}{
		{"/", nil},
		{"/a", nil},
		{"/a/b/c", nil},
		{"/zookeeper/config", nil},
		{"/...", nil},
		{"/.x/x./..x/x..", nil},
		{"/a b", nil},
		{"/a/0000000007", nil},
		{"/\u00a0", nil},   // behind the second range of control characters
		{"/\ud7ff", nil},   // before the surrogates
		{"/\uf900", nil},   // behind the private ones
		{"/\uffef", nil},   // before the last sixteen
		{"/\u00e4hm", nil}, // Latin
		{"/日本/語", nil},
		{"/" + strings.Repeat("n", 100_000), nil},

		{"", wire.ErrPathEmpty},
		{"a", wire.ErrPathRelative},
		{"a/b", wire.ErrPathRelative},
		{" /a", wire.ErrPathRelative},
		{"/a/", wire.ErrPathSlash},
		{"//", wire.ErrPathSlash},
		{"//a", wire.ErrPathSlash},
		{"/a//b", wire.ErrPathSlash},
		{"/.", wire.ErrPathDots},
		{"/..", wire.ErrPathDots},
		{"/./a", wire.ErrPathDots},
		{"/a/../b", wire.ErrPathDots},
		{"/a/.", wire.ErrPathDots},
		{"/\x00", wire.ErrPathCharacter},
		{"/b\x1e", wire.ErrPathCharacter},
		{"/b\x1f/c", wire.ErrPathCharacter},
		{"/\x7f", wire.ErrPathCharacter},
		{"/\u0080", wire.ErrPathCharacter},
		{"/\u009f", wire.ErrPathCharacter},
		{"/\ue000", wire.ErrPathCharacter},
		{"/\uf8ff", wire.ErrPathCharacter},
		{"/\ufff0", wire.ErrPathCharacter},
		{"/\ufffd", wire.ErrPathCharacter},
		{"/\uffff", wire.ErrPathCharacter},
		{"/\U0001F600", wire.ErrPathCharacter}, // two surrogates to Java
		{"/\xff", wire.ErrPathCharacter},       // malformed: U+FFFD
		{"/\xed\xa0\x80", wire.ErrPathCharacter},
	} {
		if got := wire.ValidatePath(v.path); got != v.want {
			t.Errorf("%.40q: %v, want %v", v.path, got, v.want)
		}
	}
}

// Every character of the basic plane, alone in a name, against the rule in its plainest form.
func TestValidatePathCharacterByCharacter(t *testing.T) {
	for c := rune(0); c <= 0x10FFFF; c++ {
		path := "/a" + string(c) + "b"
		if got, want := wire.ValidatePath(path) == nil, plainlyValid(path); got != want {
			t.Fatalf("U+%04X: %v, want %v", c, got, want)
		}
	}
}

// plainlyValid is the rule as it is written: over UTF-16 units, without regard to speed.
func plainlyValid(path string) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	if path == "/" {
		return true
	}
	for _, name := range strings.Split(path[1:], "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	for _, unit := range utf16.Encode([]rune(path)) {
		switch {
		case unit <= 0x1F, unit >= 0x7F && unit <= 0x9F, unit >= 0xD800 && unit <= 0xF8FF, unit >= 0xFFF0:
			return false
		}
	}
	return true
}

// The parent is what stands before the last slash; the root is its own.
func TestParentAndBase(t *testing.T) {
	for _, v := range []struct {
		path, parent, base string
		ok                 bool
	}{
		{"/a", "/", "a", true},
		{"/a/b", "/a", "b", true},
		{"/a/b/c", "/a/b", "c", true},
		{"/", "/", "", true},
		{"//", "/", "", true},
		{"/a/", "/a", "", true}, // what a sequential create makes of it is legal
		{"x/y", "x", "y", true}, // refused because x does not exist
		{"x", "", "", false},
		{"", "", "", false},
		{"/a\x00", "", "", false},
		{"\x00/a", "", "", false},
	} {
		parent, base, ok := wire.SplitPath(v.path)
		if parent != v.parent || base != v.base || ok != v.ok {
			t.Errorf("%q: %q, %q, %v", v.path, parent, base, ok)
		}
		if ok && (wire.ParentOf(v.path) != parent || wire.BaseOf(v.path) != base) {
			t.Errorf("%q: ParentOf %q, BaseOf %q", v.path, wire.ParentOf(v.path), wire.BaseOf(v.path))
		}
	}
	if wire.ParentOf("x") != "" || wire.BaseOf("x") != "x" {
		t.Error("a path without a slash has a parent")
	}
}
