package plain

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"
)

// Console is where lines come from and go to. ReadLine is called by one goroutine; the other methods are for any.
type Console interface {
	// ReadLine blocks for a line. pasted: it is one of several that came at once. ErrInterrupt is ^C, ErrEnd is ^D in an empty
	// line; after any other error nothing more comes.
	ReadLine() (text string, pasted bool, err error)
	// Print writes one finished line.
	Print(line string)
	// Prompt is what stands before what is typed, where that is shown.
	Prompt(string)
	// Words are what Tab completes.
	Words([]string)
	// Interactive: a person types, and may answer.
	Interactive() bool
	// Close gives the terminal back.
	Close()
}

// ErrInterrupt is returned by ReadLine when ^C was typed; what stood in the line is gone.
var ErrInterrupt = errors.New("interrupted")

// ErrEnd is returned by ReadLine when ^D was typed in an empty line: the person wants to leave.
var ErrEnd = errors.New("the end was typed")

// Open takes the terminal for a line editor when there is one that understands it; else lines are read as they come. name is TERM.
func Open(in, out *os.File, name string) (Console, error) {
	tty := term.IsTerminal(int(in.Fd()))
	if !tty || !term.IsTerminal(int(out.Fd())) || name == "dumb" || name == "" {
		return NewPipe(in, out, tty), nil
	}
	return openEditor(in, out)
}

// pipe reads lines as they come: of a pipe, a file, or a terminal that edits them itself.
type pipe struct {
	in          *bufio.Reader
	interactive bool

	mu  sync.Mutex
	out io.Writer
}

// NewPipe makes a Console without a line editor. interactive: a person types there.
func NewPipe(in io.Reader, out io.Writer, interactive bool) Console {
	return &pipe{in: bufio.NewReaderSize(in, maxLineBytes), out: out, interactive: interactive}
}

// errLongLine is returned for a line of a pipe that no message could hold.
var errLongLine = errors.New("a line is longer than 64 KiB")

func (p *pipe) ReadLine() (string, bool, error) {
	b, err := p.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", false, errLongLine
	case errors.Is(err, io.EOF) && len(b) > 0:
		err = nil // the last line needs no end
	}
	return strings.TrimRight(string(b), "\r\n"), false, err
}

func (p *pipe) Print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.out, line+"\n")
}

func (p *pipe) Prompt(string)     {}
func (p *pipe) Words([]string)    {}
func (p *pipe) Interactive() bool { return p.interactive }
func (p *pipe) Close()            {}
