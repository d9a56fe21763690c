package common

import (
	"time"

	"parley/tui/keymap"
	"parley/tui/styles"
)

// Common is shared by all pages by pointer. Only Update writes it; commands must copy what they need before they start.
type Common struct {
	Backend  Backend
	Keys     keymap.Map
	Styles   styles.Styles
	Widths   Widths
	Link     Link
	Events   Events // of the connection and the cluster
	Settings Settings
	Focused  bool // the terminal has the focus, or does not tell
	Mouse    bool // the wheel scrolls; the terminal's own selection then needs Shift
	NoLinks  bool // the terminal does not know OSC 8
	NonUTF8  bool // the locale can show ASCII only

	// Now and NewID are arguments so that tests draw the same screen twice.
	Now   func() time.Time
	NewID func() string
	// NewToken and NewCode make the secret of a bot and the code of an invitation.
	NewToken func() []byte
	NewCode  func() string
	Zone     *time.Location
	Label    string // what this client calls itself in ListSessions
	Servers  []string
	Version  string
	Demo     Demo // the cluster behind `parley demo`; nil otherwise

	// OpenStore opens what the account's client keeps on disk; nil keeps nothing. It does file I/O and runs in a command.
	OpenStore func(user string) (Store, error)

	// SaveSession and ForgetSession keep the token between runs; both do file I/O and run in commands.
	SaveSession   func(user string, token []byte) error
	ForgetSession func(user string) error

	// SaveSetting and SaveKeys keep what was chosen for the next run, values in words as package config gives them; both do file
	// I/O and run in commands. nil keeps nothing. Problems is what was wrong with the files at the start.
	SaveSetting func(name, value string) error
	SaveKeys    func(changed map[string][]string) error
	Problems    []string

	// OpenURL hands a link to the desktop; nil where there is none.
	OpenURL func(link string) error
}

// SettingsMsg says that Common.Settings or Common.Keys changed; Old is what was in force before.
type SettingsMsg struct{ Old Settings }

// LinkMsg says that the connection changed; Common.Link already holds the new state.
type LinkMsg struct{ Old, New Link }

// LoggedInMsg says that a session is open. Warning tells what went wrong beside it.
type LoggedInMsg struct {
	User    string
	Warning string
}

// LoggedOutMsg says that the session is over and why.
type LoggedOutMsg struct {
	User   string
	Reason string
}

// ThemeMsg says that Common.Styles or Common.Widths changed.
type ThemeMsg struct{}
