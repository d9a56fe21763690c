// Package notify calls a person who looks elsewhere: by the terminal's own notifications, by its bell, or by a command of theirs.
//
// What deserves a call is Wanted's to say; how it is made is Notifier's. The package does no I/O but Run's: it makes the bytes that
// a terminal understands. A terminal that does not know them shows nothing, which is why auto sends only what the terminal has
// said, or is known, to understand, and else rings the bell.
package notify
