//go:build !linux

package cputime

import "time"

// Process is not measured here.
func Process() time.Duration { return 0 }

// Thread is not measured here.
func Thread() time.Duration { return 0 }
