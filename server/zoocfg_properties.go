package server

import (
	"strconv"
	"strings"
	"unicode/utf16"
)

// property is one entry of a Java properties file.
type property struct {
	line       int // where the entry begins, from 1
	key, value string
}

// propertyScanner reads Java's properties syntax:
//
//	# a comment, or ! a comment            blank lines and leading blanks do not count
//	key=value   key:value   key value      the first unescaped =, : or blank ends the key
//	long.key = first half, \
//	           second half                 a backslash at the end joins the next line, without its leading blanks
//	\t \n \r \f \uXXXX                     any other escaped character is itself: "\=" and "\:" stand in a key
//
// One departure from Java, which reads such files as Latin-1: bytes above 127 are taken as they are, so a file name in
// UTF-8 stays what it was.
type propertyScanner struct {
	rest string // what is not read yet
	line int    // number of the natural line read last
}

// next returns the next entry; ok is false at the end. problem, if not empty, says what is wrong with the entry, which
// then has only its line and the text of its key as it stands.
func (s *propertyScanner) next() (p property, problem string, ok bool) {
	for s.rest != "" {
		text := trimBlanksLeft(s.natural())
		if text == "" || text[0] == '#' || text[0] == '!' {
			continue
		}
		p.line = s.line
		rawKey, rawValue := splitProperty(s.joined(text))
		if p.key, ok = unescape(rawKey); !ok {
			return property{line: p.line, key: rawKey}, malformedEscape, true
		}
		if p.value, ok = unescape(rawValue); !ok {
			return property{line: p.line, key: p.key}, malformedEscape, true
		}
		return p, "", true
	}
	return property{}, "", false
}

const malformedEscape = `\u must be followed by four hexadecimal digits`

// natural returns the next line without its end, which is \n, \r or \r\n.
func (s *propertyScanner) natural() string {
	s.line++
	end := strings.IndexAny(s.rest, "\r\n")
	if end < 0 {
		text := s.rest
		s.rest = ""
		return text
	}
	text, skip := s.rest[:end], 1
	if strings.HasPrefix(s.rest[end:], "\r\n") {
		skip = 2
	}
	s.rest = s.rest[end+skip:]
	return text
}

// joined returns first together with the lines that continue it.
func (s *propertyScanner) joined(first string) string {
	var b strings.Builder
	text := first
	for continues(text) {
		b.WriteString(text[:len(text)-1])
		if s.rest == "" {
			return b.String()
		}
		text = trimBlanksLeft(s.natural())
	}
	b.WriteString(text)
	return b.String()
}

// continues reports whether a line ends in a backslash that is not itself escaped.
func continues(line string) bool {
	backslashes := len(line) - len(strings.TrimRight(line, `\`))
	return backslashes%2 == 1
}

const blanks = " \t\f"

func trimBlanksLeft(s string) string { return strings.TrimLeft(s, blanks) }

// splitProperty cuts an entry at the end of its key; both halves are still escaped.
func splitProperty(entry string) (key, value string) {
	end := 0
	for end < len(entry) && !strings.ContainsRune("=: \t\f", rune(entry[end])) {
		if entry[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(entry))
	value = trimBlanksLeft(entry[end:])
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = trimBlanksLeft(value[1:])
	}
	return entry[:end], value
}

// unescape resolves backslashes. ok is false when a \u is not followed by four hexadecimal digits.
func unescape(s string) (text string, ok bool) {
	if !strings.Contains(s, `\`) {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch {
		case i == len(s): // a lone backslash at the very end stands for nothing
		case s[i] == 'u':
			r, length, ok := unicodeEscape(s[i-1:])
			if !ok {
				return "", false
			}
			b.WriteRune(r)
			i += length - 2
		default:
			b.WriteByte(escaped(s[i]))
		}
	}
	return b.String(), true
}

func escaped(c byte) byte {
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	}
	return c
}

// unicodeEscape reads \uXXXX at the start of s, or two of them that form one character, and returns how many bytes
// it took.
func unicodeEscape(s string) (r rune, length int, ok bool) {
	const size = len(`\uXXXX`)
	first, ok := codeUnit(s)
	if !ok {
		return 0, 0, false
	}
	if utf16.IsSurrogate(first) {
		if second, paired := codeUnit(s[size:]); paired {
			return utf16.DecodeRune(first, second), 2 * size, true
		}
	}
	return first, size, true // WriteRune turns a lone surrogate into U+FFFD
}

func codeUnit(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return rune(n), err == nil && !strings.ContainsAny(s[2:6], "_+-")
}
