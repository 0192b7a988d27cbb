// Package tree holds the znodes of a server.
package tree
