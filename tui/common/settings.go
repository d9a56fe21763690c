package common

// Settings are what a person chose, as config.toml keeps it. The zero value is not the default: see DefaultSettings.
type Settings struct {
	Theme         string // auto, dark, light, high-contrast, mono, terminal
	Emoji         string // native, text: ":fire:" where the terminal draws emoji badly
	ASCII         bool   // no sign outside ASCII in what the client itself draws
	Mouse         bool
	Notify        string // auto, osc, bell, command, off
	NotifyCommand string // for command: run with the sender and the conversation in the environment, never the text in argv
	Vim           bool   // the composer has a NORMAL mode
	Sidebar       bool
	Typing        bool // tell others that one is typing
	ReducedMotion bool // what depends on the clock changes every ten seconds only
}

// DefaultSettings are those of a new user.
func DefaultSettings() Settings {
	return Settings{Theme: "auto", Emoji: "native", Mouse: true, Notify: "auto", Sidebar: true, Typing: true}
}
