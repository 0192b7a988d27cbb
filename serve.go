package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // registers its handlers; served only if --pprof asks for it
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"bellwether/server"
)

// exitFailure is the exit status of a command that could not do what it was asked.
const exitFailure = 1

const (
	// drainTime is how long a server that was told to stop waits for what is on its way.
	drainTime = 10 * time.Second
	// gcPercent trades memory for fewer collections: the tree is mostly pointer-free, what is collected are buffers that
	// live for a moment.
	gcPercent = 400
)

// serveCommand runs a server until SIGTERM or SIGINT, or until it fails.
func serveCommand(args []string) int {
	config := server.DefaultConfig()
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	server.RegisterFlags(fs, config)
	profile := fs.String("pprof", "", "serve net/http/pprof on `host:port`; off unless given")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bellwether serve: unexpected argument %q\n", fs.Arg(0))
		return exitUsage
	}
	notices, err := server.Load(fs, config, os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "bellwether serve: %v\n", err)
		return exitUsage
	}
	log := server.NewLogger(os.Stderr, config)
	server.LogNotices(log, notices)
	tuneRuntime()
	if *profile != "" {
		if err := servePprof(*profile); err != nil {
			log.Error("cannot serve profiles", "error", err)
			return exitFailure
		}
	}
	return serve(config, log)
}

func serve(config *server.Config, log *slog.Logger) int {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	s, err := server.Start(config, log)
	if err != nil {
		log.Error("cannot start", "error", err)
		return exitFailure
	}
	fmt.Printf("bellwether is ready on %s, data in %s\n", s.Address(), config.DataDir)
	select {
	case <-stop.Done():
		log.Info("stopping")
	case <-s.Failed():
		log.Error("the server cannot go on: what is not acknowledged may be lost, what is acknowledged is on disk", "error", s.Err())
		return exitFailure
	}
	cancel() // a second signal ends the process at once
	ctx, done := context.WithTimeout(context.Background(), drainTime)
	defer done()
	if err := s.Stop(ctx); err != nil {
		log.Error("stopped with an error", "error", err)
		return exitFailure
	}
	log.Info("stopped")
	return exitOK
}

// tuneRuntime gives the scheduler a processor for every loop that spends its time in system calls: a goroutine that blocks
// in epoll_wait or fdatasync keeps its processor until the runtime notices. GOMAXPROCS and GOGC from the environment win.
func tuneRuntime() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.NumCPU() + 2)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

func servePprof(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, nil) }()
	return nil
}
