package config

const (
	// maxFileBytes bounds a file: every entry with a comment of a screen is less.
	maxFileBytes = 256 << 10
	// maxProblems bounds what is told of one file; whoever has more has another file in its place.
	maxProblems = 20
)
