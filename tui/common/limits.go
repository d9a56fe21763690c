package common

import "time"

const (
	// MaxMarks bounds combining marks and joiners on one base character: real scripts use at most three, more is a
	// flood that draws over neighbouring rows.
	MaxMarks = 4
	// MaxNameRunes bounds a drawn name: user names end at 32, room names will not be longer.
	MaxNameRunes = 64
	// TabSpaces replaces a tab: terminals disagree on tab stops inside a pane.
	TabSpaces = 4

	// MaxEvents bounds the log of the cluster's changes: a fail-over is a few rows, and days of quiet are none.
	MaxEvents = 400

	// CallTimeout bounds one read: longer than the client library's own fail-over, shorter than a person's patience.
	CallTimeout = 5 * time.Second
	// WriteTimeout bounds one try of a write before its outcome is shown as unknown and the same request id is retried.
	WriteTimeout = 10 * time.Second
)
