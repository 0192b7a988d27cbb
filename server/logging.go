package server

import (
	"errors"
	"io"
	"log/slog"
)

// LogFormat is how log lines are written. It is a flag.Value.
type LogFormat string

// The formats there are; the zero value is LogText.
const (
	LogText LogFormat = "text" // key=value, as slog's TextHandler writes it
	LogJSON LogFormat = "json" // one object a line
)

func (f *LogFormat) String() string {
	if *f == "" {
		return string(LogText)
	}
	return string(*f)
}

// Set takes "text" or "json".
func (f *LogFormat) Set(text string) error {
	switch LogFormat(text) {
	case LogText, LogJSON:
		*f = LogFormat(text)
		return nil
	}
	return errors.New("write text or json")
}

// NewLogger returns a logger that writes lines of c's format, from c's level on, to w. It is safe for concurrent use
// and writes each line in one call.
func NewLogger(w io.Writer, c *Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == LogJSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// LogNotices tells the operator, once, what the configuration says in vain.
func LogNotices(log *slog.Logger, notices []Notice) {
	for _, n := range notices {
		log.Warn("configuration: "+n.Text, "key", n.Key, "where", n.Where)
	}
}
