// Package common holds what every page and component of the terminal client shares: the Backend interface through which
// all I/O goes, the link state, the text sanitiser and the width rules.
//
// Invariants:
//
//  1. No string that came from outside (a message, a name, an error text) is drawn before Line or Body cleaned it.
//  2. Widths of drawn text are measured and wrapped by Widths only, so that the program and the renderer agree on columns.
//  3. Backend methods may block; they are called inside tea.Cmds, never from Update or View. Link and Token are the two
//     exceptions: they answer from memory.
package common
