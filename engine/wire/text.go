package wire

import "unicode/utf8"

// repairText makes valid UTF-8 of text that is not. Two things are told apart:
//
//   - A surrogate pair written as two groups of three bytes (CESU-8, which is what Java's encoder makes of a character
//     outside the basic plane) becomes that character. Apache ZooKeeper itself reads it as two U+FFFD.
//   - Anything else becomes U+FFFD, exactly where Java's decoder puts one: once for each longest beginning of a sequence
//     that could still have become a character, and once for a lone surrogate.
//
// A path that had to be repaired is illegal, either way. So only ids and passwords are affected.
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

// repairRune says what the malformed beginning of text stands for and how many bytes of it.
func repairRune(text []byte) (r rune, size int) {
	if high, ok := surrogate(text); ok && high < 0xDC00 {
		if low, ok := surrogate(text[3:]); ok && low >= 0xDC00 {
			return (high-0xD800)<<10 + (low - 0xDC00) + 0x10000, 6
		}
	}
	low, high, whole := sequence(text[0])
	for size = 1; size < whole && size < len(text) && low <= text[size] && text[size] <= high; size++ {
		low, high = 0x80, 0xBF
	}
	return utf8.RuneError, size
}

// sequence tells which second bytes may follow first, and how long the sequence then is. Surrogates count as sequences.
func sequence(first byte) (low, high byte, size int) {
	switch {
	case first == 0xE0:
		return 0xA0, 0xBF, 3
	case first > 0xE0 && first <= 0xEF:
		return 0x80, 0xBF, 3
	case first == 0xF0:
		return 0x90, 0xBF, 4
	case first > 0xF0 && first < 0xF4:
		return 0x80, 0xBF, 4
	case first == 0xF4:
		return 0x80, 0x8F, 4
	}
	return 0, 0, 1 // a two-byte sequence is malformed only if its second byte is
}

// surrogate decodes the three-byte form of a surrogate code unit.
func surrogate(text []byte) (unit rune, ok bool) {
	if len(text) < 3 || text[0] != 0xED || text[1] < 0xA0 || text[1] > 0xBF || text[2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | rune(text[1]&0x3F)<<6 | rune(text[2]&0x3F), true
}
