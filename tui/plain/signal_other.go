//go:build !unix

package plain

// stopSelf does nothing where a terminal has no job control.
func stopSelf() {}

// watchSize does nothing where no signal tells.
func watchSize(func()) (stop func()) { return func() {} }
