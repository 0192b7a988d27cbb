//go:build !invariants

package tree

// invariantsOn is false in production: see invariants_on.go.
const invariantsOn = false
