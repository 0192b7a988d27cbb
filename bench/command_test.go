package bench

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// command runs Command and returns its exit code and what it printed.
func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Command(args, &out, &errs)
	return code, out.String(), errs.String()
}

// Every mistake in the arguments is named, with what would be right, and ends with the code for it.
func TestMistakesAreNamed(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"--scenario", "reed100"}, append(scenarioNames(), `"reed100"`)},
		{[]string{"--value", "1k"}, []string{`"1k"`, "bytes"}},
		{[]string{"--load", "64"}, []string{`"64"`, "64x32"}},
		{[]string{"--duration", "1ms"}, []string{"1ms", "100ms at least"}},
		{[]string{"--warmup", "-1s"}, []string{"-1s"}},
		{[]string{"--profile", "10ms"}, []string{"10ms", "0 for none"}},
		{[]string{"--repeat", "0"}, []string{"--repeat 0"}},
		{[]string{"--peer", "etcd"}, []string{`"etcd"`, "zookeeper"}},
		{[]string{"--nonsense"}, []string{"nonsense"}},
		{[]string{"--repeat", "1", "read100"}, []string{"read100"}},
		{[]string{"reender"}, []string{`"reender"`, "render"}},
		{[]string{"render"}, []string{"1 arguments"}},
		{[]string{"ceiling"}, []string{"echo", "append"}},
		{[]string{"ceiling", "roof"}, []string{`"roof"`, "echo", "append"}},
	} {
		code, _, stderr := command(test.args...)
		if code != exitUsage {
			t.Errorf("%v ends with %d, want %d", test.args, code, exitUsage)
		}
		for _, want := range test.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%v says %q, which lacks %q", test.args, stderr, want)
			}
		}
	}
}

// Help is no mistake, and shows every flag.
func TestHelp(t *testing.T) {
	code, _, stderr := command("-h")
	if code != exitOK || !strings.Contains(stderr, "-duration") || !strings.Contains(stderr, "bench render") {
		t.Fatalf("%d, %s", code, stderr)
	}
}

func TestScenariosAreListed(t *testing.T) {
	code, stdout, _ := command("scenarios")
	if code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	for _, s := range scenarios {
		if !strings.Contains(stdout, s.Name) || !strings.Contains(stdout, s.Question) {
			t.Errorf("%s is not listed:\n%s", s.Name, stdout)
		}
	}
}

// A stored raw result renders again, to standard output or a file, with the flag before or behind the name.
func TestRenderCommand(t *testing.T) {
	if *update {
		t.Skip("the golden file is being written")
	}
	want, err := os.ReadFile("testdata/RESULTS.golden.md")
	if err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := command("render", "testdata/result.json"); code != exitOK || stdout != string(want) {
		t.Fatalf("%d, %s\n%s", code, stderr, stdout)
	}
	name := filepath.Join(t.TempDir(), "RESULTS.md")
	for _, args := range [][]string{
		{"render", "testdata/result.json", "--out", name},
		{"render", "--out", name, "testdata/result.json"},
	} {
		if code, _, stderr := command(args...); code != exitOK {
			t.Fatalf("%v: %d, %s", args, code, stderr)
		}
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v: %s, %v", args, got, err)
		}
		os.Remove(name)
	}
	if code, _, stderr := command("render", "testdata/cpu.txt"); code != exitFailed || !strings.Contains(stderr, "testdata/cpu.txt") {
		t.Errorf("no result: %d, %s", code, stderr)
	}
}

// A full disk is an error that says so, and costs neither the old report nor leaves half a new one.
func TestFullDiskUnderTheReport(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	if err := fill(full, []byte("report")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v, want no space left on device", err)
	}
	if err := fill(failingSync{}, []byte("report")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("error %v of the sync, want no space left on device", err)
	}
	// A folder that is a file stands for one that cannot be written to.
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(name, "RESULTS.md"), []byte("report")); err == nil || !strings.Contains(err.Error(), "the report cannot be written") {
		t.Fatalf("error %v", err)
	}
}

// failingSync takes everything and finds at the sync that the disk is full.
type failingSync struct{}

func (failingSync) Write(p []byte) (int, error) { return len(p), nil }
func (failingSync) Sync() error                 { return syscall.ENOSPC }
func (failingSync) Close() error                { return nil }

var _ io.WriteCloser = failingSync{}

// A report replaces the one before it as a whole.
func TestReportIsReplacedAsAWhole(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "RESULTS.md")
	for _, text := range []string{"first", "2"} {
		if err := writeFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != text {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
}

// The report names every command so that it can be pasted.
func TestCommandLinesCanBePasted(t *testing.T) {
	for want, args := range map[string][]string{
		"bellwether":                             nil,
		"bellwether bench -h":                    {"bench", "-h"},
		"bellwether 'a b' 'it'\\''s' '' --x=1,2": {"a b", "it's", "", "--x=1,2"},
	} {
		if got := commandLine("bellwether", args); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
