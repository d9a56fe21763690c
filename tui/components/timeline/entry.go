package timeline

import "time"

// State is what is known about an own message.
type State int

// None is a message of somebody else, or an own one of the past.
const (
	None    State = iota
	Queued        // not given to the cluster yet
	Sending       // given, no verdict yet
	Unknown       // no verdict came; the same request is tried again
	Sent          // a majority has it on disk
	Failed        // refused; never tried again by itself
)

var (
	glyphs = [...]string{" ", "·", "…", "?", "✓", "✗"}
	words  = [...]string{"", "queued", "sending", "outcome unknown", "sent", "failed"}
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
}
