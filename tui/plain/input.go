package plain

import (
	"context"
	"errors"
	"io"
)

// line is one line of input, or its end.
type line struct {
	text   string
	pasted bool
	err    error
}

// readLines reads until the input ends. Its goroutine touches the console's reading side only; a read that blocks for ever ends
// with the process.
func readLines(ctx context.Context, con Console) <-chan line {
	ch := make(chan line)
	go func() {
		for {
			text, pasted, err := con.ReadLine()
			select {
			case ch <- line{text, pasted, err}:
			case <-ctx.Done():
				return
			}
			if err != nil && !errors.Is(err, ErrInterrupt) && !errors.Is(err, ErrEnd) {
				return
			}
		}
	}()
	return ch
}

// onLine takes one line: a message, a command, or part of a paste.
func (s *session) onLine(l line) {
	switch {
	case errors.Is(l.err, ErrInterrupt):
		s.interrupt()
	case errors.Is(l.err, ErrEnd):
		s.quit("")
	case l.err != nil:
		if !errors.Is(l.err, io.EOF) {
			s.say("error: reading the input: %s", l.err)
		}
		s.eofAt = s.o.Now()
	case l.pasted:
		if len(s.paste) < maxPaste {
			s.paste = append(s.paste, l.text)
		}
	default:
		s.enter(l.text)
	}
}
