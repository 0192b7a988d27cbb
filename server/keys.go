package server

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// keySpec is what is known about one configuration key: one line of keyTable.
type keySpec struct {
	name string // "server.*" stands for every name that begins with "server."
	home keyHome
	kind valueKind
	min  int64  // for numbers, in the unit of the file; both 0: any that fits 32 bits
	max  int64  //
	def  string // what Apache assumes when the key is not given; empty where there is nothing

	// set stores the value. Only a key with set and without why is honoured.
	set setter

	// why says, to the operator, for which reason the key has no effect here.
	why string
	// same is the value that asks for what this build does anyway: given that, there is nothing to tell.
	same string
}

// keyHome says how Apache ZooKeeper takes a key.
type keyHome uint8

const (
	// parserKey stands in zoo.cfg under its own name, and nowhere else.
	parserKey keyHome = iota
	// systemProperty is a Java system property "zookeeper.name", which zoo.cfg sets as "name". Here also as "zookeeper.name".
	systemProperty
	// bareProperty is a Java system property without that prefix, which Apache cannot take from zoo.cfg. Here it can
	// stand there, with or without the prefix.
	bareProperty
)

// valueKind says how a value is written.
type valueKind uint8

const (
	anyText      valueKind = iota
	trueFalse              // any case
	yesNo                  // Java compares with "yes"
	number                 // 32 bits, decimal
	milliseconds           // of them, a number
	kilobytes              // of 1024 bytes, a number
	javaNumber             // as number; 0x… and # are hexadecimal, a leading 0 octal, as Integer.decode reads them
)

// keyValue is a value as its kind reads it.
type keyValue struct {
	text   string
	number int64
	on     bool
}

func (v keyValue) duration() time.Duration { return time.Duration(v.number) * time.Millisecond }

// checked reports whether a bad value keeps the server from starting. Apache checks its parser's keys alone and falls
// back silently for the others; here those that have an effect are checked too, those that have none are not.
func (k *keySpec) checked() bool { return k.home == parserKey || k.set != nil }

// satisfied reports whether the value asks for what this build does without the key.
func (k *keySpec) satisfied(v keyValue) bool {
	return k.same != "" && strings.EqualFold(v.text, k.same)
}

// read turns the text of a value into the value, or says what is wrong with it and what to write instead.
func (k *keySpec) read(s string) (v keyValue, problem, remedy string) {
	v.text = s
	switch k.kind {
	case trueFalse:
		return k.readWord(v, "true", "false")
	case yesNo:
		return k.readWord(v, "yes", "no")
	case number, milliseconds, kilobytes, javaNumber:
		return k.readNumber(v)
	}
	return v, "", ""
}

func (k *keySpec) readWord(v keyValue, on, off string) (_ keyValue, problem, remedy string) {
	v.on = strings.EqualFold(v.text, on)
	if !v.on && !strings.EqualFold(v.text, off) {
		return v, fmt.Sprintf("is neither %s nor %s", on, off), "write one of the two" + k.otherwise()
	}
	return v, "", ""
}

func (k *keySpec) readNumber(v keyValue) (_ keyValue, problem, remedy string) {
	low, high := k.min, k.max
	if low == 0 && high == 0 {
		low, high = math.MinInt32, math.MaxInt32
	}
	remedy = fmt.Sprintf("write a number%s from %d to %d%s", k.kind.of(), low, high, k.otherwise())
	if low == high {
		remedy = fmt.Sprintf("write %d, the only one there is", low)
	}
	n, ok := decimal(v.text)
	if k.kind == javaNumber {
		n, ok = javaDecode(v.text)
	}
	if !ok {
		return v, "is not a number", remedy
	}
	if n < low || n > high {
		return v, "is out of range", remedy
	}
	v.number = n
	return v, "", ""
}

// otherwise ends a remedy: what holds when the line is left out.
func (k *keySpec) otherwise() string {
	if k.def == "" {
		return ""
	}
	return fmt.Sprintf(", or leave it out for %s", k.def)
}

// of names a unit.
func (kind valueKind) of() string {
	switch kind {
	case milliseconds:
		return " of milliseconds"
	case kilobytes:
		return " of kilobytes"
	}
	return ""
}

// decimal reads a number as Java's parseInt does, into more bits, so that a range check can tell what is wrong.
func decimal(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// javaDecode reads a number as Java's Integer.decode does.
func javaDecode(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if !negative {
		digits = strings.TrimPrefix(s, "+")
	}
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		digits, base = digits[2:], 16
	case strings.HasPrefix(digits, "#"):
		digits, base = digits[1:], 16
	case len(digits) > 1 && digits[0] == '0':
		digits, base = digits[1:], 8
	}
	n, err := strconv.ParseUint(digits, base, 62)
	if negative {
		return -int64(n), err == nil
	}
	return int64(n), err == nil
}

// Java's marks of a system property of ZooKeeper.
const propertyPrefix = "zookeeper."

// findKey looks a name up, in its exact spelling first and in the families after. name is without "zookeeper.".
func findKey(name string) *keySpec {
	if k, ok := keysByName[name]; ok {
		return k
	}
	for i := len(name) - 1; i > 0; i-- { // the longest family first: ssl.quorum.* before ssl.*
		if name[i] == '.' {
			if k, ok := keysByName[name[:i+1]+"*"]; ok && i+1 < len(name) {
				return k
			}
		}
	}
	return nil
}

// keysByName indexes keyTable.
var keysByName = func() map[string]*keySpec {
	index := make(map[string]*keySpec, len(keyTable))
	for i := range keyTable {
		index[keyTable[i].name] = &keyTable[i]
	}
	return index
}()
