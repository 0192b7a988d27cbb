package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A log line has the format and the level that were asked for.
func TestLogLinesHaveTheFormatAskedFor(t *testing.T) {
	var out bytes.Buffer
	c := DefaultConfig()
	c.LogLevel = slog.LevelWarn
	log := NewLogger(&out, c)
	log.Info("unheard")
	log.Warn("heard", "zxid", 5)
	if line := out.String(); !strings.Contains(line, `level=WARN msg=heard zxid=5`) || strings.Contains(line, "unheard") {
		t.Errorf("text: %q", line)
	}
	out.Reset()
	c.LogFormat = LogJSON
	NewLogger(&out, c).Warn("heard", "zxid", 5)
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil || fields["msg"] != "heard" || fields["zxid"] != 5.0 {
		t.Errorf("json: %q (%v)", out.String(), err)
	}
}

// What the configuration says in vain is one warning each, with its place.
func TestNoticesAreWarnings(t *testing.T) {
	var out bytes.Buffer
	LogNotices(NewLogger(&out, DefaultConfig()), []Notice{{Where: "zoo.cfg:3", Key: "forceSync", Text: "not honoured: because"}})
	if line := out.String(); !strings.Contains(line, `level=WARN msg="configuration: not honoured: because" key=forceSync where=zoo.cfg:3`) {
		t.Errorf("%q", line)
	}
}

// A cause gets one line an interval, and that line says how many were held back.
func TestOneLineACauseAndInterval(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	l := NewLineLimiter(10 * time.Second)
	steps := []struct {
		cause string
		after time.Duration
		held  uint64
		ok    bool
	}{
		{"garbage", 0, 0, true},
		{"garbage", 1 * time.Second, 0, false},
		{"too large", 1 * time.Second, 0, true}, // another cause is not held back by the first
		{"garbage", 9 * time.Second, 0, false},
		{"garbage", 10 * time.Second, 2, true},
		{"garbage", 11 * time.Second, 0, false},
		{"garbage", 60 * time.Second, 1, true},
		{"garbage", 70 * time.Second, 0, true}, // none were held back in between
	}
	for i, s := range steps {
		if held, ok := l.Allow(s.cause, at.Add(s.after)); held != s.held || ok != s.ok {
			t.Errorf("step %d: %d held back, allowed %v; want %d, %v", i, held, ok, s.held, s.ok)
		}
	}
}

// However many causes there are, what is kept about them is bounded, and a known cause keeps its line.
func TestCausesCostBoundedMemory(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	l := NewLineLimiter(time.Second)
	passed := 0
	for i := range 10_000 {
		if _, ok := l.Allow(fmt.Sprint("cause ", i), at); ok {
			passed++
		}
	}
	if len(l.causes) > maxCauses+1 || passed > maxCauses+1 {
		t.Errorf("%d causes kept, %d lines", len(l.causes), passed)
	}
	if _, ok := l.Allow("cause 0", at.Add(time.Second)); !ok {
		t.Error("a known cause lost its line")
	}
}
