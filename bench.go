package main

import (
	"os"

	"bellwether/bench"
)

// benchCommand measures this server beside its ceilings and peers; see package bench. It returns the exit code.
func benchCommand(args []string) int { return bench.Command(args, os.Stdout, os.Stderr) }
