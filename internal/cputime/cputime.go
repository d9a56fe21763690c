// Package cputime tells benchmarks what they cost on a machine that does other things meanwhile. It measures on Linux; elsewhere
// it tells 0, and a benchmark's wall clock has to do.
package cputime
