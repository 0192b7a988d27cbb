// Package zab is the core of the atomic broadcast: it elects a leader, brings the others to its history and orders proposals of
// opaque bytes, by ZooKeeper's protocol. It is pure: it has no goroutine, clock, socket, file or random source of its own.
package zab
