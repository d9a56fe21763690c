package notify

// Mute is what a conversation calls for.
type Mute int

// The levels, as the cluster keeps them.
const (
	Everything Mute = iota
	MentionsOnly
	Nothing
)

// Event is a message as far as it matters here.
type Event struct {
	Own     bool
	Read    bool // another terminal of the person's has shown it
	Direct  bool // of one person, not of a room
	Mention bool
	Mute    Mute
	Focused bool // the terminal has the focus
	Shown   bool // the message is on screen now
}

// Wanted reports whether a message deserves a call. Who looks at it needs none. Who looks at another conversation is called for what
// is meant for them; who looks elsewhere is called for everything that they did not mute.
func Wanted(e Event) bool {
	switch {
	case e.Own || e.Read || e.Mute == Nothing:
		return false
	case e.Mute == MentionsOnly && !e.Mention:
		return false
	case !e.Focused:
		return true
	case e.Shown:
		return false
	}
	return e.Direct || e.Mention
}
