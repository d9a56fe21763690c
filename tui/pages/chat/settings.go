package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"parley/tui/common"
	"parley/tui/config"
	"parley/tui/keymap"
	"parley/tui/screens/settings"
)

// keeping is what is to be written to the settings files. One write runs at a time, so that the last choice is what stands there.
type keeping struct {
	busy     bool
	settings map[string]string
	keys     map[string][]string
}

// keptMsg is the end of a write of the settings files.
type keptMsg struct{ err error }

// writeChoices writes what was chosen, unless a write is under way: its end calls again.
func (m *Model) writeChoices() tea.Cmd {
	k := m.keeping
	if k.busy || len(k.settings)+len(k.keys) == 0 {
		return nil
	}
	m.keeping = keeping{busy: true}
	setting, keys := m.c.SaveSetting, m.c.SaveKeys
	return func() tea.Msg {
		var errs []error
		for name, value := range k.settings {
			if setting != nil {
				errs = append(errs, setting(name, value))
			}
		}
		if len(k.keys) > 0 && keys != nil {
			errs = append(errs, keys(k.keys))
		}
		return keptMsg{errors.Join(errs...)}
	}
}

func (m *Model) onKept(msg keptMsg) tea.Cmd {
	m.keeping.busy = false
	if msg.err != nil {
		m.fail("this holds until you quit; it was not written: " + msg.err.Error())
	}
	return m.writeChoices()
}

// set changes one setting: it takes effect now and is kept.
func (m *Model) set(name, value string) tea.Cmd {
	s, ok := config.Find(name)
	if !ok {
		var names []string
		for _, s := range config.Settings() {
			names = append(names, s.Name)
		}
		m.fail("no setting " + name + "; there are " + strings.Join(names, ", "))
		return nil
	}
	old := m.c.Settings
	if err := s.Set(&m.c.Settings, value); err != nil {
		m.fail(err.Error())
		return nil
	}
	value = s.Get(&m.c.Settings)
	m.tell(s.Name + " is " + value)
	if m.keeping.settings == nil {
		m.keeping.settings = map[string]string{}
	}
	m.keeping.settings[s.Name] = value
	return tea.Batch(common.Send(common.SettingsMsg{Old: old}), m.writeChoices())
}

// onSettings takes over what changed.
func (m *Model) onSettings(msg common.SettingsMsg) tea.Cmd {
	m.composer.Restyle()
	m.composer.Refresh()
	return m.toOverlays(msg)
}

// cmdSet shows the settings screen, one setting, or changes one.
func (m *Model) cmdSet(args string) tea.Cmd {
	name, value, _ := strings.Cut(args, " ")
	name = strings.TrimSpace(name)
	if before, after, ok := strings.Cut(name, "="); ok && value == "" {
		name, value = before, after
	}
	value = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(value), "="))
	if name == "" {
		return m.openSettings()
	}
	if value == "" {
		s, ok := config.Find(name)
		switch {
		case ok && s.Values != nil:
			m.tell(fmt.Sprintf("%s is %s; it can be %s", s.Name, s.Get(&m.c.Settings), strings.Join(s.Values, ", ")))
			return nil
		case ok:
			m.tell(fmt.Sprintf("%s is %q", s.Name, s.Get(&m.c.Settings)))
			return nil
		}
	}
	return m.set(name, value)
}

func (m *Model) openSettings() tea.Cmd { return m.push(settings.New(m.c)) }

// cmdTheme is /set theme.
func (m *Model) cmdTheme(args string) tea.Cmd { return m.cmdSet(strings.TrimSpace("theme " + args)) }

// cmdMouse turns the mouse on or off for this run; /set mouse keeps it.
func (m *Model) cmdMouse(args string) tea.Cmd {
	switch args {
	case "":
		m.c.Mouse = !m.c.Mouse
	case "on", "off":
		m.c.Mouse = args == "on"
	default:
		m.fail("/mouse, /mouse on or /mouse off")
		return nil
	}
	m.tell(map[bool]string{true: "mouse on: Shift selects text", false: "mouse off: the terminal selects text"}[m.c.Mouse])
	return nil
}

// cmdBind gives a key to an action. In the same place a key means one thing, so whatever had it loses it, and that is told.
func (m *Model) cmdBind(args string) tea.Cmd {
	f := strings.Fields(args)
	if len(f) != 2 {
		m.fail("/bind KEY ACTION, or /bind KEY none, or /bind default ACTION; /help keys lists the actions")
		return nil
	}
	name := strings.ReplaceAll(strings.ToLower(f[1]), "_", "-")
	old, def := m.c.Keys, keymap.Default()
	if f[0] == "default" {
		if def.Action(name) == nil {
			m.fail("no action " + name + "; /help keys lists them")
			return nil
		}
		if err := m.c.Keys.Set(name, def.Action(name).Keys()...); err != nil {
			m.c.Keys = old
			m.fail(err.Error() + "; /bind default that one first")
			return nil
		}
		m.tell(name + " is " + m.c.Keys.Action(name).Help().Key + " again")
		return m.rebound(old)
	}
	k, err := keymap.ParseKey(f[0])
	if err != nil {
		m.fail(err.Error())
		return nil
	}
	if name == "none" {
		return m.unbind(k)
	}
	b := m.c.Keys.Action(name)
	if b == nil {
		m.fail("no action " + name + "; /help keys lists them")
		return nil
	}
	if slices.Contains(b.Keys(), k) {
		m.tell(k + " is " + name + " already")
		return nil
	}
	note := ""
	for other := m.c.Keys.Holder(name, k); other != ""; other = m.c.Keys.Holder(name, k) {
		if err := m.c.Keys.Set(other, m.c.Keys.Without(other, k)...); err != nil {
			m.c.Keys = old
			m.fail(k + " is the only key of " + other + ": " + err.Error())
			return nil
		}
		note += "; " + other + " keeps " + m.c.Keys.Action(other).Help().Key
	}
	if err := m.c.Keys.Set(name, append(slices.Clone(b.Keys()), k)...); err != nil {
		m.c.Keys = old
		m.fail(err.Error())
		return nil
	}
	m.tell(k + " is " + name + note)
	return m.rebound(old)
}

// unbind takes a key from everything that has it.
func (m *Model) unbind(k string) tea.Cmd {
	old := m.c.Keys
	var had []string
	for _, name := range keymap.Names() {
		if !slices.Contains(m.c.Keys.Action(name).Keys(), k) {
			continue
		}
		if err := m.c.Keys.Set(name, m.c.Keys.Without(name, k)...); err != nil {
			m.c.Keys = old
			m.fail(err.Error())
			return nil
		}
		had = append(had, name)
	}
	if len(had) == 0 {
		m.fail(k + " does nothing here")
		return nil
	}
	m.tell(k + " no longer is " + strings.Join(had, ", "))
	return m.rebound(old)
}

// rebound takes over changed keys and keeps them.
func (m *Model) rebound(old keymap.Map) tea.Cmd {
	if m.keeping.keys == nil {
		m.keeping.keys = map[string][]string{}
	}
	for _, name := range keymap.Names() {
		if keys := m.c.Keys.Action(name).Keys(); !slices.Equal(keys, old.Action(name).Keys()) {
			m.keeping.keys[name] = slices.Clone(keys)
		}
	}
	return tea.Batch(common.Send(common.SettingsMsg{Old: m.c.Settings}), m.writeChoices())
}
