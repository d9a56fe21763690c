// Package config keeps what a person chose for the terminal client: settings in config.toml, keys in keys.toml, both in
// $XDG_CONFIG_HOME/parley (else ~/.config/parley). Both files are TOML, written by hand or by the client:
//
//	config.toml   theme = "dark"
//	              mouse = false
//	keys.toml     search = "ctrl+g"
//	              next-conversation = ["ctrl+n", "alt+down"]
//
// Invariants:
//
//  1. A bad or unknown entry costs that entry alone: it is told with its line, and the default holds.
//  2. A write changes one entry and keeps every other byte, comments included. It is durable when the call returns. A file that
//     cannot be read as TOML is never written.
package config
