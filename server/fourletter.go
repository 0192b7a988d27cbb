package server

import "strings"

// The four-letter words: a connection whose first four bytes are one of them gets a text and is closed.
//
//	word ─► FourLetterWord ─► PartsOf: what must be known? ─► the caller fills a Report ─► AppendFourLetterWord ─► close
//
// Formats are those of Apache ZooKeeper, to the byte (client-protocol §8), because monitoring systems parse them.

// TelnetClose is what telnet sends when its user closes the connection. It is answered with nothing.
const TelnetClose = "\xff\xf4\xff\xfd"

// fourLetterWord is what is known about one word.
type fourLetterWord struct {
	name     string
	harmless bool  // answered unless a whitelist says otherwise
	needs    Parts // of the Report
	// write appends the answer; nil for a word of Apache's that this build does not offer.
	write func(dst []byte, r *Report) []byte
}

// fourLetterWords holds every word Apache ZooKeeper knows. A word's place is its bit in a Whitelist.
var fourLetterWords = []fourLetterWord{
	{"conf", true, PartState | PartConfig | PartDirectories, appendConf},
	{"cons", true, PartState | PartClients, appendCons},
	{"crst", false, 0, nil},
	{"dirs", true, PartState | PartDirectories, appendDirs},
	{"dump", false, 0, nil},
	{"envi", true, PartEnvironment, appendEnvi},
	{"gtmk", false, 0, nil},
	{"hash", false, 0, nil},
	{"isro", true, PartState, appendIsro},
	{"mntr", true, PartState | PartMetrics, appendMntr},
	{"ruok", true, 0, appendRuok},
	{"srst", false, 0, nil},
	{"srvr", true, PartState, appendSrvr},
	{"stat", true, PartState | PartClients, appendStat},
	{"stmk", false, 0, nil},
	{"wchc", false, 0, nil},
	{"wchp", false, 0, nil},
	{"wchs", true, PartState | PartWatches, appendWchs},
}

// FourLetterWord returns the word a connection's first four bytes are. ok is false when they are none, and so are the
// length of a frame. It allocates nothing; word does not alias first4.
func FourLetterWord(first4 []byte) (word string, ok bool) {
	if len(first4) < 4 {
		return "", false
	}
	if string(first4[:4]) == TelnetClose {
		return TelnetClose, true
	}
	for i := range fourLetterWords {
		if string(first4[:4]) == fourLetterWords[i].name {
			return fourLetterWords[i].name, true
		}
	}
	return "", false
}

// FourLetterWords returns the names of all words.
func FourLetterWords() []string {
	names := make([]string, len(fourLetterWords))
	for i := range fourLetterWords {
		names[i] = fourLetterWords[i].name
	}
	return names
}

func indexOfWord(word string) int {
	for i := range fourLetterWords {
		if fourLetterWords[i].name == word {
			return i
		}
	}
	return -1
}

// Whitelist is a set of four-letter words.
type Whitelist uint32

// DefaultWhitelist holds the words that are answered when no list is given: those that change nothing, tell no names
// of znodes and cost little. Apache answers srvr alone, and health checks fail for it.
var DefaultWhitelist = func() (w Whitelist) {
	for i := range fourLetterWords {
		if fourLetterWords[i].harmless {
			w |= 1 << i
		}
	}
	return w
}()

// ParseWhitelist reads 4lw.commands.whitelist: words separated by commas, or * for all. As with Apache, srvr is always
// in it. unknown holds what is no word, and the words this build does not offer.
func ParseWhitelist(text string) (w Whitelist, unknown []string) {
	w = 1 << indexOfWord("srvr")
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if word == "*" {
			return 1<<len(fourLetterWords) - 1, unknown
		}
		i := indexOfWord(word)
		if i >= 0 {
			w |= 1 << i
		}
		if i < 0 || fourLetterWords[i].write == nil {
			unknown = append(unknown, word)
		}
	}
	return w, unknown
}

// Has reports whether word is in the set.
func (w Whitelist) Has(word string) bool {
	i := indexOfWord(word)
	return i >= 0 && w&(1<<i) != 0
}

// PartsOf returns which parts of a Report the answer to word is made of: nothing for a word that is refused.
func PartsOf(word string, allowed Whitelist) Parts {
	i := indexOfWord(word)
	if i < 0 || !allowed.Has(word) {
		return 0
	}
	return fourLetterWords[i].needs
}

const notServing = "This ZooKeeper instance is not currently serving requests"

// AppendFourLetterWord appends the answer to word, which is to be sent in one write before the connection is closed.
// Of r it reads the parts PartsOf names; r may be nil where these are none. known is false for what is no word.
func AppendFourLetterWord(dst []byte, word string, r *Report, allowed Whitelist) (out []byte, known bool) {
	i := indexOfWord(word)
	if i < 0 {
		return dst, word == TelnetClose
	}
	w := &fourLetterWords[i]
	switch {
	case !allowed.Has(word):
		return append(append(dst, word...), " is not executed because it is not in the whitelist.\n"...), true
	case w.write == nil:
		return append(append(dst, word...), " is not executed because this server does not offer it.\n"...), true
	case w.needs&PartState != 0 && r.Mode == "" && word != "isro":
		return append(append(dst, notServing...), '\n'), true
	}
	return w.write(dst, r), true
}

func appendRuok(dst []byte, _ *Report) []byte { return append(dst, "imok"...) }

// appendIsro answers without a line end: clients that look for a server to write to compare the whole answer.
func appendIsro(dst []byte, r *Report) []byte {
	switch {
	case r.Mode == "":
		return append(dst, "null"...)
	case r.ReadOnly:
		return append(dst, "ro"...)
	}
	return append(dst, "rw"...)
}
