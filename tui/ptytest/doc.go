// Package ptytest drives a program on a pseudo terminal: it starts a binary, types keys, waits for a text on the screen and
// draws the screen as SVG. Tests use it to see what a person sees; the pictures of the documentation are made with it.
//
// Two goroutines belong to a Terminal and end with Close: one copies the program's output into the emulator, one copies the
// emulator's answers (to the queries that programs send) back to the program. Both touch only the pty and the emulator.
//
// Nothing here sleeps for a result: Wait looks at the screen again after each output.
package ptytest
