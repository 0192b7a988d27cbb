// Package wire reads and writes the bytes of ZooKeeper's client protocol and of its transactions.
package wire
