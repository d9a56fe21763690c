package main

import "testing"

// TestMutantsStillApply keeps the catalogue true: what a mutant edits must be in today's code exactly once.
func TestMutantsStillApply(t *testing.T) {
	for _, m := range mutants {
		if _, err := m.overlay(t.TempDir()); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}
