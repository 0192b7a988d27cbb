package server

import "strings"

// JVMFlagVariables are the environment variables in which operators of Apache ZooKeeper hand over system properties,
// in the order its start script joins them: what stands later wins.
var JVMFlagVariables = []string{"SERVER_JVMFLAGS", "JVMFLAGS"}

// jvmFlags takes the -Dname=value words among the flags of a Java virtual machine. Flags of the machine itself, such
// as -Xmx, are none of our business, and so are properties of others.
func (in *intake) jvmFlags(variable, flags string) {
	for word := range strings.FieldsSeq(flags) {
		definition, ok := strings.CutPrefix(word, "-D")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(definition, "=")
		in.takeProperty(name, origin{source: variable, value: value})
	}
}

// takeProperty stores one Java system property. Unlike in zoo.cfg the prefix matters here: it tells what is
// ZooKeeper's. And Apache reads the parser's keys from zoo.cfg alone, so a stray property must not change them here.
func (in *intake) takeProperty(name string, o origin) {
	bare, prefixed := strings.CutPrefix(name, propertyPrefix)
	k := findKey(bare)
	switch {
	case !prefixed && (k == nil || k.home != bareProperty): // somebody else's
	case k == nil:
		in.note(name, o, unknownKey(bare))
	case k.home == parserKey:
		in.note(name, o, "this key is read from zoo.cfg only, and has no effect as a system property")
	default:
		in.store(k, bare, o)
	}
}
