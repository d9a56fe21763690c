package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader of stdout that goes away must show up as a write error, so that `read` marks what was written before and
	// nothing else.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(newApp(), os.Args[1:]))
}
