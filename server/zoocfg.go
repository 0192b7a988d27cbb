package server

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxConfigBytes bounds a configuration file; a real one has a few hundred bytes.
const maxConfigBytes = 1 << 20

// ParseZooCfg reads a zoo.cfg from r. name stands in errors and notices for the file. Keys that are not given have
// Apache's defaults, except that the harmless four-letter words are on; a missing dataDir or clientPort is no error
// yet, because a flag may supply it (Config.Validate asks for both).
//
// The error joins one *ConfigError for each bad line, so that all of them can be corrected at once. Keys that have no
// effect here, unknown keys and repeated keys are notices, in the order of the file.
func ParseZooCfg(r io.Reader, name string) (*Config, []Notice, error) {
	in := newIntake(newFileConfig(name))
	in.zooCfg(r, name)
	err := errors.Join(in.errs...)
	if err == nil {
		err = in.config.validateRelations()
	}
	if err != nil {
		return nil, in.notices, err
	}
	return in.config, in.notices, nil
}

// intake takes keys into a Config, from one source after another: a later one wins.
type intake struct {
	config  *Config
	notices []Notice
	errs    []error
}

func newIntake(c *Config) *intake { return &intake{config: c} }

// zooCfg takes everything in a zoo.cfg.
func (in *intake) zooCfg(r io.Reader, name string) {
	in.properties(r, name, in.take)
	e := &in.config.Ensemble
	if e.DynamicConfigFile != "" && len(e.Members)+len(e.Groups)+len(e.Weights) > 0 {
		in.errs = append(in.errs, in.config.fault("dynamicConfigFile", "the members stand in zoo.cfg too",
			"keep server, group and weight lines in one of the two files"))
	}
}

// dynamicConfig takes the member list of a file of its own, where nothing but members may stand.
func (in *intake) dynamicConfig(r io.Reader, name string) {
	in.properties(r, name, func(key string, o origin) {
		family, _, _ := strings.Cut(key, ".")
		switch family {
		case "server", "group", "weight":
			in.take(key, o)
		case "version": // the version of the member list: the name of the file has it too
		default:
			in.reject(key, o, &valueError{"this key cannot stand in a file of members", "move it to zoo.cfg"})
		}
	})
}

// properties calls take for each entry of a properties file, and gathers what is wrong with the file itself.
func (in *intake) properties(r io.Reader, name string, take func(key string, o origin)) {
	text, err := io.ReadAll(io.LimitReader(r, maxConfigBytes+1))
	if err != nil {
		in.errs = append(in.errs, fmt.Errorf("server: read %s: %w", name, err))
		return
	}
	if len(text) > maxConfigBytes {
		in.errs = append(in.errs, fmt.Errorf("server: %s is larger than %d bytes: that is no configuration file", name, maxConfigBytes))
		return
	}
	lines := propertyScanner{rest: string(text)}
	for {
		p, problem, ok := lines.next()
		if !ok {
			return
		}
		o := origin{source: name, line: p.line, value: trimJava(p.value)}
		if problem != "" {
			in.reject(p.key, o, &valueError{problem, `write a backslash twice to have one: \\`})
			continue
		}
		take(trimJava(p.key), o)
	}
}

// trimJava trims what Java's String.trim does: control characters and the blank.
func trimJava(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// take stores one key of a zoo.cfg. Every property may be written with or without "zookeeper." before it.
func (in *intake) take(name string, o origin) {
	bare, prefixed := strings.CutPrefix(name, propertyPrefix)
	k := findKey(bare)
	switch {
	case k == nil:
		in.note(name, o, unknownKey(bare))
	case prefixed && k.home == parserKey:
		in.note(name, o, "this key is read without zookeeper. before it, and has no effect with it")
	default:
		in.store(k, bare, o)
	}
}

// unknownKey says that nobody knows a key, and which one may have been meant.
func unknownKey(name string) string {
	for i := range keyTable {
		if strings.EqualFold(keyTable[i].name, name) {
			return "this key is unknown and has no effect; " + keyTable[i].name + " is meant, perhaps"
		}
	}
	return "this key is unknown and has no effect"
}

// store reads the value of a known key, puts it into the configuration, and says what the operator should hear.
func (in *intake) store(k *keySpec, name string, o origin) {
	if before, again := in.config.origins[name]; again && before.source == o.source {
		in.note(name, o, fmt.Sprintf("this key stands in line %d already; the last one counts", before.line))
	}
	in.config.origins[name] = o

	v, problem, remedy := k.read(o.value)
	if problem != "" {
		if k.checked() {
			in.reject(name, o, &valueError{problem, remedy})
			return
		}
	} else if k.set != nil {
		switch err := k.set(in.config, name, v); wrong := err.(type) {
		case nil:
		case adjustment:
			in.note(name, o, string(wrong))
		case *valueError:
			in.reject(name, o, wrong)
			return
		}
	}
	if k.why != "" && !k.satisfied(v) {
		in.note(name, o, "not honoured: "+k.why)
	}
}

func (in *intake) note(key string, o origin, text string) {
	in.notices = append(in.notices, Notice{Where: o.String(), Key: key, Text: text})
}

func (in *intake) reject(key string, o origin, wrong *valueError) {
	in.errs = append(in.errs, &ConfigError{Source: o.source, Line: o.line, Key: key, Value: o.value,
		Problem: wrong.problem, Remedy: wrong.remedy})
}
