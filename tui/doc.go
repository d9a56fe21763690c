// Package tui is Parley's terminal client.
//
// It knows the cluster through common.Backend only, an interface that *client.Client satisfies with the help of the adapter in
// live.go. How it is built:
//
//	run.go       Run: refuses what is no terminal, makes the program; plainrun.go is RunPlain
//	app.go       the root model: which page, the theme, the link; everything else is passed on
//	live.go      api/client as the pages want it
//	common/      the shared context, Backend, Store, the sanitiser, widths, settings
//	keymap/      every key by name, and keys.toml; the help screen is generated from it
//	styles/      every colour
//	emoji/       short names of emoji
//	notify/      how a person who looks elsewhere is called
//	config/      config.toml
//	cache/       common.Store on disk: outbox, history, drafts; the only one that knows bbolt
//	components/  timeline, composer, sidebar, status bar, dialog, help, reactions: no I/O
//	outbox/      the rules of own messages from Enter to their outcome: no I/O
//	screens/     what stands in front of the timeline for a while: the switcher, the search, lists … (common.Overlay)
//	pages/       connect (log in, create an account) and chat (everything else): all I/O is in their commands
//	plain/       the client without a screen, a line for each event
//	ptytest/     drives a program on a pseudo terminal and draws its screen as SVG, for tests and pictures
//
// Invariants:
//
//  1. Update never blocks; all I/O runs in tea.Cmds and answers with a message type of its own.
//  2. The page outlives every fail-over: the client library moves, the page only hears of it.
//  3. An own message is on disk, where there is one, before it is first given to a node, and keeps its request id until its outcome
//     is known.
//  4. The arrows between the packages go upwards in this list, but for plain, which no page knows; .golangci.yml holds them.
//  5. No text from outside reaches the terminal before package common cleaned it.
package tui
