package check

import (
	"fmt"
	"hash/fnv"
	"math"
	"time"
)

// Outcome is what a caller was told about an append.
type Outcome int

const (
	// Acked means that Seq and ID were returned.
	Acked Outcome = iota + 1
	// NotApplied means that the caller was told that nothing happened and nothing will.
	NotApplied
	// Unknown means that nobody told: it may take effect at any time after Call.
	Unknown
)

// Never is the Return of an operation whose outcome is unknown.
const Never = time.Duration(math.MaxInt64)

// Key stands for a message's text, which names its request: two requests never have the same text.
type Key uint64

// KeyOf is the key of a text.
func KeyOf(text string) Key {
	h := fnv.New64a()
	h.Write([]byte(text))
	return Key(h.Sum64())
}

// Message is one message as it was read.
type Message struct {
	ID, Seq uint64
	Key     Key
}

// Op is one operation on one conversation, as its caller saw it. A read that returned nothing is no operation.
type Op struct {
	// Client is the caller, which has one operation at a time. Only complaints and porcupine's picture use it.
	Client int
	// Call and Return are times since some beginning that all operations share.
	Call, Return time.Duration
	// Read tells a read from an append.
	Read bool

	// Key is what is appended. Sending a request again after it returned is an operation of its own with the same key.
	Key     Key
	Outcome Outcome
	// ID and Seq are the acknowledgement's.
	ID, Seq uint64

	// Page is what a read returned: the newest messages, oldest first. Less than PageSize means: all there are.
	Page []Message
}

// PageSize is how many messages a read asks for.
const PageSize = 16

// History is what happened to one conversation since an earlier verification.
type History struct {
	Name string
	// Base is the conversation when the history began, as far as a read may reach back: its last PageSize messages.
	Base []Message
	Ops  []Op
	// Final is everything after Base, read when all was quiet.
	Final []Message
}

// head is the seq of the last message of a page; 0 when there is none.
func head(page []Message) uint64 {
	if len(page) == 0 {
		return 0
	}
	return page[len(page)-1].Seq
}

// Findings count what is wrong, by kind.
type Findings struct {
	// Lost are acknowledged messages that are not there.
	Lost int
	// Duplicated are requests that took effect more than once.
	Duplicated int
	// Reordered are messages that stand where they must not: a gap, another seq than acknowledged, against real time.
	Reordered int
	// Illegal are answers that no order explains: stale or torn reads, effects of what was not applied.
	Illegal int
	// Unverified are histories on which a checker ran out of time.
	Unverified int
	// Complaints describe the first of them.
	Complaints []string
}

// maxComplaints bounds the descriptions; the first ones tell the story.
const maxComplaints = 20

// Clean tells whether nothing is wrong.
func (f *Findings) Clean() bool {
	return f.Lost+f.Duplicated+f.Reordered+f.Illegal+f.Unverified == 0
}

// Add adds what another check found.
func (f *Findings) Add(o Findings) {
	f.Lost += o.Lost
	f.Duplicated += o.Duplicated
	f.Reordered += o.Reordered
	f.Illegal += o.Illegal
	f.Unverified += o.Unverified
	for _, c := range o.Complaints {
		if len(f.Complaints) < maxComplaints {
			f.Complaints = append(f.Complaints, c)
		}
	}
}

// Say counts a finding in one of f's counters and describes it.
func (f *Findings) Say(counter *int, format string, args ...any) {
	*counter++
	if len(f.Complaints) < maxComplaints {
		f.Complaints = append(f.Complaints, fmt.Sprintf(format, args...))
	}
}
