package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"parley/tui/common"
	"parley/tui/keymap"
)

// Dir is the directory of both files. It need not exist; the empty Dir gives defaults and refuses writes. Its methods do file I/O and are safe for concurrent use by several
// programs: of two writes at the same moment one may be lost, never both and never a part.
type Dir string

const (
	settingsHeader = "# Settings of Parley's terminal client. Change them here or with F9 and /set; comments stay.\n"
	keysHeader     = "# Keys of Parley's terminal client: action = \"key\" or [\"key\", \"key\"]. /help keys lists the actions; comments stay.\n"
)

// errNowhere is returned by a write when there is no place for the files.
var errNowhere = errors.New("no place for settings: set HOME or XDG_CONFIG_HOME")

func (d Dir) settingsPath() string { return filepath.Join(string(d), "config.toml") }
func (d Dir) keysPath() string     { return filepath.Join(string(d), "keys.toml") }

// Settings are the defaults changed by config.toml, and what is wrong with it, one sentence each.
func (d Dir) Settings() (common.Settings, []string) {
	v := common.DefaultSettings()
	if d == "" {
		return v, nil
	}
	f, problems, err := read(d.settingsPath())
	if err != nil {
		return v, []string{err.Error() + "; the defaults hold"}
	}
	for _, e := range f.entries {
		s, ok := Find(e.key)
		if !ok {
			problems = append(problems, fmt.Sprintf("config.toml line %d: there is no setting %q", e.line, e.key))
			continue
		}
		var value string
		switch x := e.value.(type) {
		case bool:
			value = fmt.Sprint(x)
		case string:
			value = x
		default:
			problems = append(problems, fmt.Sprintf("config.toml line %d: %s is a text or true or false", e.line, s.Name))
			continue
		}
		if err := s.Set(&v, value); err != nil {
			problems = append(problems, fmt.Sprintf("config.toml line %d: %s; it stays %s", e.line, err, s.Get(&v)))
		}
	}
	return v, bounded(problems)
}

// Keys is the default keyboard changed by keys.toml, and what is wrong with it.
func (d Dir) Keys() (keymap.Map, []string) {
	if d == "" {
		return keymap.Default(), nil
	}
	f, problems, err := read(d.keysPath())
	if err != nil {
		return keymap.Default(), []string{err.Error() + "; the default keys hold"}
	}
	var list []keymap.Assignment
	for _, e := range f.entries {
		a := keymap.Assignment{Line: e.line, Action: strings.ReplaceAll(e.key, "_", "-")}
		ok := true
		switch x := e.value.(type) {
		case string:
			a.Keys = []string{x}
		case []any:
			for _, k := range x {
				s, isText := k.(string)
				a.Keys, ok = append(a.Keys, s), ok && isText
			}
		default:
			ok = false
		}
		if !ok {
			problems = append(problems, fmt.Sprintf("keys.toml line %d: %s is a key like \"ctrl+g\" or a list of keys", e.line, e.key))
			continue
		}
		list = append(list, a)
	}
	m, more := keymap.Apply(list)
	return m, bounded(append(problems, more...))
}

// SaveSetting writes one setting, its value in words as Setting.Get gives it.
func (d Dir) SaveSetting(name, value string) error {
	if d == "" {
		return errNowhere
	}
	s, ok := Find(name)
	if !ok {
		return fmt.Errorf("there is no setting %q", name)
	}
	f, _, err := read(d.settingsPath())
	if err != nil {
		return err
	}
	return f.write(f.set(f.spelling(s.Name), s.toml(value)), settingsHeader)
}

// SaveKeys writes the keys of actions. Those that are back to the default are taken out of the file, except where the file must
// say so: a default key that another entry of it takes.
func (d Dir) SaveKeys(changed map[string][]string) error {
	if d == "" {
		return errNowhere
	}
	f, _, err := read(d.keysPath())
	if err != nil {
		return err
	}
	first, def := len(f.data) == 0, keymap.Default()
	names := make([]string, 0, len(changed))
	for name := range changed {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b := def.Action(name)
		if b == nil {
			return fmt.Errorf("there is no action %q", name)
		}
		key := f.spelling(name)
		if slices.Equal(b.Keys(), changed[name]) {
			f.data = f.without(key)
		} else {
			quoted := make([]string, len(changed[name]))
			for i, k := range changed[name] {
				quoted[i] = quote(k)
			}
			value := "[" + strings.Join(quoted, ", ") + "]"
			if len(quoted) == 1 {
				value = quoted[0]
			}
			f.data = f.set(key, value)
		}
		f.entries = nil
		if _, err := f.parse(); err != nil {
			return err
		}
	}
	data := f.data
	if first {
		f.data = nil
	}
	return f.write(data, keysHeader)
}

// spelling is how the file writes a name: a person may have used hyphens for underscores or the other way round.
func (f *file) spelling(name string) string {
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	for _, e := range f.entries {
		if fold(e.key) == fold(name) {
			return e.key
		}
	}
	return name
}

func bounded(problems []string) []string {
	for i, p := range problems {
		problems[i] = common.Line(p)
	}
	if n := len(problems); n > maxProblems {
		problems = append(problems[:maxProblems:maxProblems], fmt.Sprintf("and %d more", n-maxProblems))
	}
	return problems
}
