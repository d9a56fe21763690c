//go:build !linux

package store

import "time"

var began = time.Now()

// threadCPU stands in for the processor time where it is not to be had.
func threadCPU() time.Duration { return time.Since(began) }

func processCPU() time.Duration { return 0 }
