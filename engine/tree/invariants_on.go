//go:build invariants

package tree

// invariantsOn turns on what is too dear for production: freed blobs are overwritten and looked at again when they are
// handed out.
const invariantsOn = true
