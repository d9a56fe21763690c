// Package tui is Parley's terminal client.
//
// It knows the cluster through common.Backend only, an interface that *client.Client satisfies with the help of the adapter in
// live.go. How it is built:
//
//	run.go       Run: refuses what is no terminal, makes the program
//	app.go       the root model: which page, the theme, the link; everything else is passed on
//	live.go      api/client as the pages want it
//	common/      the shared context, Backend, the sanitiser, widths
//	keymap/      every key; the help screen is generated from it
//	styles/      every colour
//	components/  timeline, composer, sidebar, status bar, dialog, help: no I/O
//	screens/     what stands in front of the timeline for a while: the switcher, the search, lists … (common.Overlay)
//	pages/       connect (log in, create an account) and chat (everything else): all I/O is in their commands
//	ptytest/     drives a program on a pseudo terminal and draws its screen as SVG, for tests and pictures
//
// Invariants:
//
//  1. Update never blocks; all I/O runs in tea.Cmds and answers with a message type of its own.
//  2. The page outlives every fail-over: the client library moves, the page only hears of it.
//  3. No text from outside reaches the terminal before package common cleaned it.
package tui
