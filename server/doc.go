// Package server is the network edge: it accepts client connections, feeds what arrives to package engine and sends what
// comes back, answers the four-letter words, and reads the configuration.
//
//	zoo.cfg, flags ──► Config ──► Start
//	                                │
//	client ──TCP──► gnet event loop k ── OnOpen:    limits per address, engine.Loop.Open
//	                                  ── OnTraffic: four-letter word, or engine.Loop.Traffic
//	                                  ── OnClose:   engine.Loop.Closed
//	                engine ──wake──►  ── turn:      engine.Loop.Turn (replies and events of a batch)
//	                                  ── tick:      clients that do not read or never say who they are
//
// gnet is imported here and nowhere else in the server. Everything about a connection happens on the event loop that
// accepted it.
//
// Promises: an address that is taken, a directory that is locked, a key that cannot be are refused at start by name; a
// client above a limit is closed with one log line and one count; SIGTERM (Stop) answers what was handed over.
//
// Read next: server.go, status.go; config.go and keys_table.go for what can be configured; then package engine.
package server
