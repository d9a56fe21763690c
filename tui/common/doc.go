// Package common holds what every page, screen and component of the terminal client shares: the interfaces through which all
// I/O goes (Backend to the cluster, Store to the disk, Demo to the demo's nodes), the link state and its words, Overlay and the
// messages by which a screen asks the page, the settings in force, the text sanitiser, the ASCII forms and the width rules.
//
// Invariants:
//
//  1. No string that came from outside (a message, a name, an error text) is drawn before Line or Body cleaned it.
//  2. Widths of drawn text are measured and wrapped by Widths only, so that the program and the renderer agree on columns.
//  3. Methods of Backend, Store and Demo may block; they are called inside tea.Cmds, never from Update or View. Link, Links, Token
//     and Explain are the exceptions: they answer from memory.
package common
