package common

import tea "charm.land/bubbletea/v2"

// Overlay is a screen in front of the timeline: the switcher, the search, the cluster, the outbox … The page keeps a stack of
// them; the top one gets the keys, all get every other message that the page does not know, so that answers to their own
// commands reach them wherever they stand. An overlay asks the page for something by returning a command that answers with
// one of the messages below.
type Overlay interface {
	// Init is called once, when the overlay is put on the stack; SetSize was called before.
	Init() tea.Cmd
	// Update applies one message. done takes the overlay off the stack.
	Update(msg tea.Msg) (done bool, cmd tea.Cmd)
	// View is at most as many rows as SetSize said, and where the cursor is in them (nil: nowhere).
	View() ([]string, *tea.Cursor)
	// SetSize is called at the start and after every change of the terminal.
	SetSize(w, h int)
	// Full asks for the whole width; otherwise the sidebar stays.
	Full() bool
}

// OpenMsg opens a conversation, with MessageID in the middle of the window when it is not 0. All overlays close.
type OpenMsg struct {
	Conversation string
	MessageID    uint64
}

// ShowMsg puts an overlay on the stack.
type ShowMsg struct{ Overlay Overlay }

// TellMsg answers in the status bar.
type TellMsg struct {
	Text string
	Bad  bool
}

// RunMsg runs a line as the composer would: a slash command. The draft stays as it is.
type RunMsg struct{ Line string }

// DraftMsg closes all overlays and puts a text into the composer, to be gone on with: a command that needs more words.
type DraftMsg struct{ Text string }

// ChangedMsg tells the overlays that a command changed something which they may show: read it again.
type ChangedMsg struct{}

// FailedMsg hands an error of the backend to the page, which tells it, or ends the session when that is what it means.
type FailedMsg struct {
	What string // "not deleted"; empty for the error alone
	Err  error
}

// Send makes a command of a message.
func Send(msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
