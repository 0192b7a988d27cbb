package wire

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// The reasons why a path is refused. All of them are BadArguments to a client.
var (
	ErrPathEmpty     = errors.New("wire: path is empty")
	ErrPathRelative  = errors.New("wire: path does not begin with a slash")
	ErrPathSlash     = errors.New("wire: path has an empty component")
	ErrPathDots      = errors.New("wire: path has a relative component")
	ErrPathCharacter = errors.New("wire: path contains an illegal character")
)

// ValidatePath says whether a znode may have this path: nil or one of the ErrPath errors. It begins with /, does not end
// with it (but for the root), has no empty component and none that is . or .., and has no character of these:
// U+0000 to U+001F, U+007F to U+009F, U+D800 to U+F8FF (so none outside the basic plane, and no private ones),
// U+FFF0 to U+FFFF. Malformed UTF-8 counts as U+FFFD. There is no limit to its length.
func ValidatePath(path string) error {
	if path == "" {
		return ErrPathEmpty
	}
	if path[0] != '/' {
		return ErrPathRelative
	}
	if len(path) == 1 {
		return nil
	}
	start := 1 // of the component that i is in
	for i := 1; i < len(path); i++ {
		switch pathBytes[path[i]] {
		case slashByte:
			if err := validateComponent(path[start:i]); err != nil {
				return err
			}
			start = i + 1
		case controlByte:
			return ErrPathCharacter
		case highByte:
			size := legalRune(path[i:])
			if size == 0 {
				return ErrPathCharacter
			}
			i += size - 1
		}
	}
	return validateComponent(path[start:])
}

// What a byte of a path can be. The zero value is an ordinary character.
const (
	slashByte = 1 + iota
	controlByte
	highByte // of a character that is not ASCII
)

var pathBytes = func() (kinds [256]byte) {
	kinds['/'] = slashByte
	for c := range kinds {
		switch {
		case c < 0x20 || c == 0x7F:
			kinds[c] = controlByte
		case c >= utf8.RuneSelf:
			kinds[c] = highByte
		}
	}
	return kinds
}()

func validateComponent(name string) error {
	switch name {
	case "":
		return ErrPathSlash
	case ".", "..":
		return ErrPathDots
	}
	return nil
}

// legalRune returns the size in bytes of the character that s begins with, 0 if it may not stand in a path. The
// character is not ASCII.
func legalRune(s string) int {
	c, size := utf8.DecodeRuneInString(s)
	if c <= 0x9F || c >= 0xD800 && c <= 0xF8FF || c >= 0xFFF0 {
		return 0
	}
	return size
}

// SplitPath cuts path at its last slash, as create and delete do before they validate anything else: ok is false, and the
// answer BadArguments, if it has no slash or contains NUL. The parent of /a is /, that of x/y is x, that of / is / itself.
// Both parts alias path.
func SplitPath(path string) (parent, base string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 || strings.IndexByte(path, 0) >= 0 {
		return "", "", false
	}
	return path[:max(i, 1)], path[i+1:], true
}

// ParentOf returns the path of the parent: what stands before the last slash, / for a top-level znode and for the root,
// "" if there is no slash. It aliases path.
func ParentOf(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return ""
	}
	return path[:max(i, 1)]
}

// BaseOf returns what stands after the last slash: the name of a znode within its parent, "" for the root. It aliases
// path.
func BaseOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
