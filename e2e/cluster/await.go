package cluster

import (
	"errors"
	"time"
)

// TB is what the package needs of a test; *testing.T has it, and so has a program that runs a scenario by itself.
type TB interface {
	Helper()
	Name() string
	TempDir() string
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Await polls ready until it returns nil and fails the test with its last error after patience.
func Await(t TB, patience time.Duration, what string, ready func() error) {
	t.Helper()
	if err := Poll(patience, ready); err != nil {
		t.Fatalf("waited %s for %s: %v", patience, what, err)
	}
}

// Poll is Await for a caller that has another use for the error.
func Poll(patience time.Duration, ready func() error) error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return err
		}
		<-tick.C
	}
}

// ErrNotYet is returned by a condition that has nothing more to say than that it does not hold yet.
var ErrNotYet = errors.New("not yet")
