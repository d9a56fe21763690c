package timeline

import "time"

// State is what is known about an own message.
type State int

// None is a message of somebody else, or an own one of the past.
const (
	None      State = iota
	Queued          // in the outbox, not given to the cluster yet
	Sending         // given, no verdict yet
	Unknown         // no verdict came; the same request is tried again. Never shown as failed
	Committed       // a majority has it on disk
	Rejected        // the cluster's verdict is no; never tried again by itself
)

var (
	glyphs = [...]string{" ", "·", "…", "?", "✓", "✗"}
	words  = [...]string{"", "queued", "sending", "outcome unknown", "committed", "rejected"}
)

// Glyph is the sign in the state column, one column wide.
func (s State) Glyph() string { return glyphs[s] }

// Word is the same for people who read words.
func (s State) Word() string { return words[s] }

// Kind tells messages from rows that the client itself writes.
type Kind int

// A Message can be selected; a Notice is a dim row about the connection or the account.
const (
	Message Kind = iota
	Notice
)

// Entry is one thing in the timeline. All strings are clean.
type Entry struct {
	Key     string // see invariant 1
	Kind    Kind
	ID, Seq uint64 // 0 for what is not committed
	Time    time.Time
	Author  string
	Text    string
	Note    string // a dim row below the text: why it failed, how long it waits
	Own     bool
	State   State
	Deleted bool
	Unread  bool

	// What a message carries beside its text; the timeline draws it in dim rows or signs of its own.
	Edited    int // how often the text was changed
	Pinned    bool
	Mention   bool       // it names the reader
	ThreadID  uint64     // of a reply: the message that began its thread
	ReplyTo   string     // of a reply: who began its thread and the first words; empty where that needs no saying
	Replies   int        // of the message that began a thread
	Reactions []Reaction // most used first
}

// Reaction is one emoji under a message. Text is clean.
type Reaction struct {
	Text  string
	Count int
	Mine  bool
}
