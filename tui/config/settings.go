package config

import (
	"fmt"
	"slices"
	"strings"

	"parley/tui/common"
)

// Setting is one entry of config.toml, of /set and of the settings screen.
type Setting struct {
	Name   string
	Help   string
	Values []string // what it can be; nil for any text
	toggle bool     // true or false in the file, on or off on the screen
	text   func(*common.Settings) *string
	flag   func(*common.Settings) *bool
}

func choice(name, help string, at func(*common.Settings) *string, values ...string) Setting {
	return Setting{Name: name, Help: help, Values: values, text: at}
}

func toggle(name, help string, at func(*common.Settings) *bool) Setting {
	return Setting{Name: name, Help: help, Values: []string{"on", "off"}, toggle: true, flag: at}
}

// Settings are all settings, in the order of the screen.
func Settings() []Setting {
	type s = common.Settings
	return []Setting{
		choice("theme", "colours; terminal keeps to the terminal's own sixteen", func(v *s) *string { return &v.Theme },
			"auto", "dark", "light", "high-contrast", "mono", "terminal"),
		choice("emoji", "native draws emoji, text draws :fire:", func(v *s) *string { return &v.Emoji }, "native", "text"),
		toggle("ascii", "no sign outside ASCII in what the client itself draws", func(v *s) *bool { return &v.ASCII }),
		toggle("mouse", "wheel and clicks; off, the terminal selects text (on, Shift does)", func(v *s) *bool { return &v.Mouse }),
		choice("notify", "how you are told of messages while you look elsewhere", func(v *s) *string { return &v.Notify },
			"auto", "osc", "bell", "command", "off"),
		choice("notify_command", "the program that notify = command runs", func(v *s) *string { return &v.NotifyCommand }),
		toggle("vim", "the composer has a NORMAL mode", func(v *s) *bool { return &v.Vim }),
		toggle("sidebar", "show the conversations on the left", func(v *s) *bool { return &v.Sidebar }),
		toggle("typing", "tell others that you are typing", func(v *s) *bool { return &v.Typing }),
		toggle("reduced_motion", "ages and counts change every ten seconds, not twice a second", func(v *s) *bool { return &v.ReducedMotion }),
	}
}

// Find is the setting of a name; a hyphen is as good as an underscore.
func Find(name string) (Setting, bool) {
	all := Settings()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Name == strings.ReplaceAll(strings.ToLower(name), "-", "_") })
	if i < 0 {
		return Setting{}, false
	}
	return all[i], true
}

// Get is the value in words: "on", "dark".
func (s Setting) Get(v *common.Settings) string {
	if !s.toggle {
		return *s.text(v)
	}
	if *s.flag(v) {
		return "on"
	}
	return "off"
}

// Set takes a value in words. The error says what could be given.
func (s Setting) Set(v *common.Settings, value string) error {
	if s.toggle {
		switch strings.ToLower(value) {
		case "on", "true", "yes", "1":
			*s.flag(v) = true
		case "off", "false", "no", "0":
			*s.flag(v) = false
		default:
			return fmt.Errorf("%s is on or off, not %q", s.Name, value)
		}
		return nil
	}
	if s.Values != nil {
		value = strings.ToLower(value)
		if !slices.Contains(s.Values, value) {
			return fmt.Errorf("%s is one of %s, not %q", s.Name, strings.Join(s.Values, ", "), value)
		}
	}
	*s.text(v) = value
	return nil
}

// toml is a value in words as the file holds it.
func (s Setting) toml(value string) string {
	if s.toggle {
		return map[bool]string{true: "true", false: "false"}[value == "on"]
	}
	return quote(value)
}
