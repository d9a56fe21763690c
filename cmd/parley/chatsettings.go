package main

import (
	"path/filepath"

	"parley/tui/common"
	"parley/tui/config"
	"parley/tui/keymap"
)

// settings are what config.toml and keys.toml say, with the flags over them. What is wrong with a file is told in the client; a
// wrong flag is an error.
func (a *app) settings() (common.Settings, keymap.Map, config.Dir, []string, error) {
	dir := config.Dir(a.configDir())
	v, problems := dir.Settings()
	keys, more := dir.Keys()
	if a.chatFlags.theme != "" {
		s, _ := config.Find("theme")
		if err := s.Set(&v, a.chatFlags.theme); err != nil {
			return v, keys, dir, nil, usageError("--theme: %s", err)
		}
	}
	v.ASCII = v.ASCII || a.chatFlags.ascii
	v.Vim = v.Vim || a.chatFlags.vim
	return v, keys, dir, append(problems, more...), nil
}

// configDir is $XDG_CONFIG_HOME/parley, or ~/.config/parley; empty when neither is known.
func (a *app) configDir() string {
	if base := a.env("XDG_CONFIG_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "parley")
	}
	if home := a.env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".config", "parley")
	}
	return ""
}
