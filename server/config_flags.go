package server

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"time"
)

// RegisterFlags registers the flags of `bellwether serve` on fs, with cfg's values as their defaults. After
// fs.Parse, Load makes the whole configuration of them.
func RegisterFlags(fs *flag.FlagSet, cfg *Config) {
	fs.StringVar(&cfg.File, "config", cfg.File, "read the zoo.cfg in `file`; flags given beside it win")
	fs.StringVar(&cfg.DataDir, "data", cfg.DataDir, "keep the data in `directory` (zoo.cfg: dataDir)")
	fs.StringVar(&cfg.DataLogDir, "log-dir", cfg.DataLogDir,
		"keep the transaction log in `directory`; the data's unless given (zoo.cfg: dataLogDir)")
	fs.Var((*listenFlag)(cfg), "listen", "await clients on `host:port`; port 0 takes a free one (zoo.cfg: clientPortAddress, clientPort)")
	fs.Var((*tickFlag)(&cfg.TickTime), "tick", "`length` of a tick, such as 2s, or a number of milliseconds (zoo.cfg: tickTime)")
	fs.Var(&cfg.LogFormat, "log-format", "write log lines as `text or json`")
	fs.TextVar(&cfg.LogLevel, "log-level", cfg.LogLevel, "log lines of this `level` and above: debug, info, warn, error")
}

// keyOfFlag says which key a flag stands for, so that an error names what the operator wrote.
var keyOfFlag = map[string]string{
	"data": "dataDir", "log-dir": "dataLogDir", "listen": "clientPort", "tick": "tickTime",
}

// Load completes cfg after fs, on which RegisterFlags put the flags, has parsed the command line. It reads the zoo.cfg
// named by --config, the file of members that may name, the -D definitions in SERVER_JVMFLAGS and JVMFLAGS (getenv is
// os.Getenv outside of tests) and the file myid. A flag wins over the file, the file over the environment, as with
// Apache. What is returned beside the error is to be told to the operator once; directories are absolute afterwards.
func Load(fs *flag.FlagSet, cfg *Config, getenv func(string) string) ([]Notice, error) {
	loaded := DefaultConfig()
	if cfg.File != "" {
		loaded = newFileConfig(cfg.File)
	}
	in := newIntake(loaded)
	for _, variable := range JVMFlagVariables {
		in.jvmFlags(variable, getenv(variable))
	}
	in.fileAt(loaded.File, in.zooCfg)
	in.fileAt(loaded.Ensemble.DynamicConfigFile, in.dynamicConfig)
	in.errs = append(in.errs, loaded.applyFlags(fs), loaded.absolute())
	if err := errors.Join(in.errs...); err != nil {
		return in.notices, err
	}
	if err := loaded.settle(); err != nil {
		return in.notices, err
	}
	*cfg = *loaded
	return slices.Concat(in.notices, cfg.settleSegment()), cfg.refuseFellows()
}

// settle finds out what other keys decide, then checks the whole.
func (c *Config) settle() error {
	id, found, err := readServerID(c.DataDir)
	if err != nil && len(c.Ensemble.Members) > 0 {
		return err
	}
	if found {
		c.Ensemble.ServerID = id
	}
	c.settleClientPort()
	return c.Validate()
}

// fileAt lets take read the file at path; an empty path is none.
func (in *intake) fileAt(path string, take func(r io.Reader, name string)) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		in.errs = append(in.errs, fmt.Errorf("server: open the configuration: %w", err))
		return
	}
	defer f.Close()
	take(f, path)
}

// applyFlags sets again, on c, the flags that stand on the command line fs has parsed.
func (c *Config) applyFlags(fs *flag.FlagSet) error {
	again := flag.NewFlagSet("", flag.ContinueOnError)
	RegisterFlags(again, c)
	var errs []error
	fs.Visit(func(f *flag.Flag) {
		if again.Lookup(f.Name) == nil {
			return // a flag of the command's own
		}
		errs = append(errs, again.Set(f.Name, f.Value.String()))
		if key := keyOfFlag[f.Name]; key != "" {
			c.origins[key] = origin{source: "--" + f.Name, value: f.Value.String()}
		}
	})
	return errors.Join(errs...)
}

// listenFlag writes --listen into a Config.
type listenFlag Config

func (l *listenFlag) String() string { return (*Config)(l).ListenAddress() }

func (l *listenFlag) Set(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return errors.New("write host:port, such as 127.0.0.1:2181, or :2181 for every address")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not a port: write a number from 0 to 65535", port)
	}
	l.ClientPortAddress, l.ClientPort = host, int(n)
	return nil
}

// tickFlag reads a length of time, in milliseconds where it has no unit, as in zoo.cfg.
type tickFlag time.Duration

func (t *tickFlag) String() string { return time.Duration(*t).String() }

func (t *tickFlag) Set(text string) error {
	if n, ok := decimal(text); ok {
		text = strconv.FormatInt(n, 10) + "ms"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("write a length of time, such as 2s or 2000ms, or a number of milliseconds")
	}
	*t = tickFlag(d)
	return nil
}
