// Package cluster starts real `parley serve` processes on loopback and does to them what machines do: kill -9, pause, wipe.
//
//  1. A process started here ends with the test: by its pid in Cleanup, and by the kernel when the test process dies.
//  2. Ports lie below the kernel's ephemeral range, so that a client that redials a dead node never connects to itself.
//  3. Nothing here sleeps: Await polls a condition until a deadline that only a broken product reaches.
//  4. The log of every node is kept in a file and its end is printed when the test fails.
package cluster
