package main

import (
	"bytes"
	"strings"
	"testing"
)

// Help is an answer, and goes to standard output.
func TestHelpListsEveryCommand(t *testing.T) {
	for _, word := range []string{"help", "-h", "--help"} {
		var out, errors bytes.Buffer
		if status := run([]string{word}, &out, &errors); status != exitOK || errors.Len() > 0 {
			t.Fatalf("%s: status %d, standard error %q", word, status, errors.String())
		}
		for _, c := range commands {
			if !strings.Contains(out.String(), "\n  "+c.name+" ") || !strings.Contains(out.String(), c.does) {
				t.Errorf("%s does not tell about %s", word, c.name)
			}
		}
	}
}

// A command line without a command is a mistake: the help goes to standard error, and the status says so.
func TestNoCommandIsAMistake(t *testing.T) {
	var out, errors bytes.Buffer
	if status := run(nil, &out, &errors); status != exitUsage || out.Len() > 0 || !strings.Contains(errors.String(), "usage:") {
		t.Fatalf("status %d, standard output %q, standard error %q", status, out.String(), errors.String())
	}
}

// A command that does not exist is named, with the way to those that do.
func TestAnUnknownCommandIsNamed(t *testing.T) {
	for _, args := range [][]string{{"plant"}, {"help", "plant"}} {
		var out, errors bytes.Buffer
		if status := run(args, &out, &errors); status != exitUsage || !strings.Contains(errors.String(), `"plant"`) {
			t.Fatalf("%q: status %d, standard error %q", args, status, errors.String())
		}
	}
}

// version tells what was built and what clients will take it for.
func TestVersionTellsBoth(t *testing.T) {
	var out, errors bytes.Buffer
	if status := run([]string{"version"}, &out, &errors); status != exitOK {
		t.Fatalf("status %d", status)
	}
	if text := out.String(); !strings.HasPrefix(text, "bellwether ") || !strings.Contains(text, "as ZooKeeper: 3.9.5-") {
		t.Fatalf("version says %q", text)
	}
}
