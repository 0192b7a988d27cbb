// Bellwether is a coordination service that speaks Apache ZooKeeper's protocols, in one binary: the server, the load
// generator and the benchmark suite are its subcommands.
//
//	main ─► serve   one server                       serve.go  ─► server ─► engine ─► wal
//	     ├► load    load on any ZooKeeper            load.go   ─► loadgen ─► loadgen/client
//	     └► bench   servers under test, and reports  bench.go  ─► bench
//
// Promises: a subcommand answers -h with its flags and leaves with status 0; a wrong command line leaves with status 2
// and says what is wrong on standard error. Rule for subcommands: each is a function of its arguments that returns the
// exit status; only main calls os.Exit.
//
// Read README.md next, then server/doc.go.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"bellwether/server"
)

// A command is a subcommand of the binary.
type command struct {
	name string
	does string // one line for the list in the help text
	run  func(args []string) int
}

// commands are the subcommands that do work, in the order a newcomer needs them. version and help are beside them.
var commands = []command{
	{"serve", "run a server", serveCommand},
	{"load", "put load on a server, or on any other ZooKeeper, and measure it", loadCommand},
	{"bench", "run the benchmark suite against servers of its own and write a report", benchCommand},
}

// Exit statuses that belong to no subcommand.
const (
	exitOK    = 0
	exitUsage = 2 // as package flag uses it
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run dispatches args, the command line without the program's name, and returns the exit status. Subcommands write
// where they like; what run itself says goes to out, and to errors what is wrong.
func run(args []string, out, errors io.Writer) int {
	if len(args) == 0 {
		printHelp(errors)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	switch name {
	case "version", "-version", "--version":
		printVersion(out)
		return exitOK
	case "help", "-h", "-help", "--help":
		return help(rest, out, errors)
	}
	if c := findCommand(name); c != nil {
		return c.run(rest)
	}
	return unknownCommand(name, errors)
}

func findCommand(name string) *command {
	for i := range commands {
		if commands[i].name == name {
			return &commands[i]
		}
	}
	return nil
}

func unknownCommand(name string, errors io.Writer) int {
	fmt.Fprintf(errors, "bellwether: there is no command %q; \"bellwether help\" lists them\n", name)
	return exitUsage
}

// help tells about the command in args, or about all of them.
func help(args []string, out, errors io.Writer) int {
	if len(args) == 0 {
		printHelp(out)
		return exitOK
	}
	if c := findCommand(args[0]); c != nil {
		return c.run([]string{"-h"})
	}
	return unknownCommand(args[0], errors)
}

func printHelp(w io.Writer) {
	fmt.Fprint(w, `Bellwether is a coordination service for programs that speak Apache ZooKeeper's protocol.

usage: bellwether <command> [flags]

`)
	for _, c := range commands {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.does)
	}
	fmt.Fprint(w, `  version  print the version
  help     print this, or with the name of a command that command's flags

To try it: "bellwether serve" listens on 127.0.0.1:2181 and keeps its data in ./data; with
--config it takes the zoo.cfg you have.
`)
}

func printVersion(w io.Writer) {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	fmt.Fprintf(w, "bellwether %s\n", version)
	fmt.Fprintf(w, "as ZooKeeper: %s\n", server.ZooKeeperVersion())
	fmt.Fprintf(w, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
