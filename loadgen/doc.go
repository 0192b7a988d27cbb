// Package loadgen puts load on ZooKeeper-compatible servers and says honestly what came of it. It knows the client
// protocol and nothing of the servers.
package loadgen
