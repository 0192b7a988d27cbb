package wire

import "unicode/utf8"

// repairText makes valid UTF-8 of text that is not. Two things are told apart:
//
//   - A surrogate pair written as two groups of three bytes (CESU-8, which is what Java's encoder makes of a character
//     outside the basic plane) becomes that character.
//   - Anything else becomes U+FFFD, once for each longest prefix of a well-formed sequence, once for a lone surrogate.
//
// A path repaired in either way is illegal, so only ACL ids and texts are ever stored in this form.
func repairText(text []byte) string {
	fixed := make([]byte, 0, len(text)+2*utf8.UTFMax)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			r, size = repairRune(text)
		}
		fixed = utf8.AppendRune(fixed, r)
		text = text[size:]
	}
	return string(fixed)
}

// repairRune says what the malformed beginning of text stands for and how many bytes it takes.
func repairRune(text []byte) (r rune, size int) {
	if high, ok := surrogate(text); ok {
		if low, ok := surrogate(text[3:]); ok && high < 0xDC00 && low >= 0xDC00 {
			return (high-0xD800)<<10 + (low - 0xDC00) + 0x10000, 6
		}
		return utf8.RuneError, 3
	}
	// text[:size] is not well-formed but could begin something that is: it is one mistake.
	size = 1
	for size < len(text) && size < utf8.UTFMax && !utf8.FullRune(text[:size]) && continues(text[size]) {
		size++
	}
	if size > 1 && utf8.FullRune(text[:size]) {
		size-- // the last byte proved the sequence wrong: it belongs to the next one
	}
	return utf8.RuneError, size
}

// surrogate decodes the three-byte form of a surrogate code unit.
func surrogate(text []byte) (unit rune, ok bool) {
	if len(text) < 3 || text[0] != 0xED || text[1] < 0xA0 || !continues(text[1]) || !continues(text[2]) {
		return 0, false
	}
	return 0xD000 | rune(text[1]&0x3F)<<6 | rune(text[2]&0x3F), true
}

func continues(b byte) bool { return b&0xC0 == 0x80 }
