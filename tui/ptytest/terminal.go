package ptytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// stopWithin is how long a program may take to end after its terminal hung up.
const stopWithin = 5 * time.Second

// Terminal is a program on a pseudo terminal. Its methods are for any goroutine.
type Terminal struct {
	cmd  *exec.Cmd
	file *os.File

	mu      sync.Mutex // guards the emulator's screen, and changed
	em      *vt.Emulator
	changed chan struct{} // closed and replaced after each output

	pumps  sync.WaitGroup
	exited chan struct{}
	err    error // of the program; valid after exited
}

// Start runs cmd on a dark terminal of w columns and h rows. cmd's Env is kept; TERM should be set in it.
func Start(cmd *exec.Cmd, w, h int) (*Terminal, error) { return StartWith(cmd, w, h, Dark()) }

// StartWith is Start on a terminal that answers with the theme's colours when the program asks for them.
func StartWith(cmd *exec.Cmd, w, h int, th Theme) (*Terminal, error) {
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
	if err != nil {
		return nil, fmt.Errorf("start %s on a pseudo terminal: %w", cmd.Path, err)
	}
	t := &Terminal{
		cmd: cmd, file: file, em: vt.NewEmulator(w, h), changed: make(chan struct{}), exited: make(chan struct{}),
	}
	t.em.SetBackgroundColor(th.Background)
	t.em.SetForegroundColor(th.Foreground)
	// A program that has not heard of a smaller size yet may name rows that are gone. A terminal does not follow it; this emulator
	// would, and panic at the next scroll.
	t.em.RegisterCsiHandler('r', func(p ansi.Params) bool {
		bottom, _, _ := p.Param(1, 0)
		return bottom > t.em.Height()
	})
	t.pumps.Add(2)
	go t.output()
	go t.answers()
	return t, nil
}

// The emulator joins what makes one character (a letter and its marks, emoji and their joiners) within one Write only. A read
// of a large frame may end inside of such a one, so its last run of letters waits for what follows: wholeWithin at most.
const (
	largeRead   = 1 << 10
	wholeWithin = 20 * time.Millisecond
)

// output copies from the program to the screen until the program's side of the terminal is closed.
func (t *Terminal) output() {
	defer t.pumps.Done()
	buf := make([]byte, 32<<10)
	var held []byte
	for {
		n, err := t.file.Read(buf)
		data := append(held, buf[:n]...)
		held = nil
		if err == nil && n >= largeRead {
			if cut := whole(data); t.file.SetReadDeadline(time.Now().Add(wholeWithin)) == nil {
				data, held = data[:cut], bytes.Clone(data[cut:])
			}
		} else if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			err = t.file.SetReadDeadline(time.Time{})
			if errors.Is(err, os.ErrNoDeadline) {
				err = nil
			}
		}
		if len(data) > 0 {
			t.mu.Lock()
			_, _ = t.em.Write(data) // it takes everything; what it answers, answers reads without the lock
			t.mu.Unlock()
			t.signal()
		}
		if err != nil { // EIO once nobody holds the other side
			t.err = t.cmd.Wait()
			close(t.exited)
			t.signal()
			_ = t.em.InputPipe().(io.Closer).Close() // ends answers
			return
		}
	}
}

// whole is where the last run of letters begins: bytes outside ASCII, and the printable one before them.
func whole(data []byte) int {
	i := len(data)
	for i > 0 && data[i-1] >= 0x80 {
		i--
	}
	if i > 0 && data[i-1] > ' ' && data[i-1] < 0x7f {
		i--
	}
	return i
}

// answers copies what the emulator says to the program: keys that it encodes, replies to queries.
func (t *Terminal) answers() {
	defer t.pumps.Done()
	buf := make([]byte, 4<<10)
	for {
		n, err := t.em.Read(buf)
		if err != nil {
			return
		}
		if _, err := t.file.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (t *Terminal) signal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.changed)
	t.changed = make(chan struct{})
}

// Type sends text and keys as a terminal sends them: "hello\r", ptytest.CtrlK, ptytest.PageUp.
func (t *Terminal) Type(keys ...string) error {
	for _, k := range keys {
		if _, err := io.WriteString(t.file, k); err != nil {
			return fmt.Errorf("type %q: %w", k, err)
		}
	}
	return nil
}

// Keys that are no letters.
const (
	Enter    = "\r"
	Newline  = "\n"
	Tab      = "\t"
	Escape   = "\x1b"
	Up       = "\x1b[A"
	Down     = "\x1b[B"
	Home     = "\x1b[H"
	End      = "\x1b[F"
	PageUp   = "\x1b[5~"
	PageDown = "\x1b[6~"
	F1       = "\x1bOP"
	F3       = "\x1bOR"
	F6       = "\x1b[17~"
	CtrlC    = "\x03"
	CtrlK    = "\x0b"
	CtrlL    = "\x0c"
	CtrlN    = "\x0e"
	CtrlP    = "\x10"
	CtrlQ    = "\x11"
	CtrlR    = "\x12"
	CtrlS    = "\x13"
	CtrlT    = "\x14"
)

// Screen is what is drawn, a row a line, without colours and trailing spaces.
func (t *Terminal) Screen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, h := t.em.Width(), t.em.Height()
	rows := make([]string, h)
	for y := range h {
		var b strings.Builder
		for x := 0; x < w; {
			c := t.em.CellAt(x, y)
			if c == nil || c.Content == "" {
				b.WriteByte(' ')
				x++
				continue
			}
			b.WriteString(c.Content)
			x += max(1, c.Width)
		}
		rows[y] = strings.TrimRight(b.String(), " ")
	}
	return strings.Join(rows, "\n")
}

// ErrTimeout is returned by Wait when the screen did not become what was awaited, ErrExited when it never can any more.
var (
	ErrTimeout = errors.New("the screen did not show what was awaited")
	ErrExited  = errors.New("the program ended")
)

// Wait blocks until ok holds for the screen. It looks after each output and at the end of the program. The error holds the
// last screen.
func (t *Terminal) Wait(within time.Duration, ok func(screen string) bool) error {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	for {
		t.mu.Lock()
		changed := t.changed
		t.mu.Unlock()
		if ok(t.Screen()) {
			return nil
		}
		select {
		case <-changed:
		case <-t.exited:
			if ok(t.Screen()) {
				return nil
			}
			return fmt.Errorf("%w, %s; its screen was\n%s", ErrExited, t.cmd.ProcessState, t.Screen())
		case <-deadline.C:
			return fmt.Errorf("%w within %v; it is\n%s", ErrTimeout, within, t.Screen())
		}
	}
}

// WaitFor blocks until every text is on the screen.
func (t *Terminal) WaitFor(within time.Duration, texts ...string) error {
	missing := ""
	err := t.Wait(within, func(screen string) bool {
		for _, s := range texts {
			if !strings.Contains(screen, s) {
				missing = s
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("awaited %q: %w", missing, err)
	}
	return nil
}

// AltScreen reports whether the program holds the alternate screen: false after it gave the terminal back.
func (t *Terminal) AltScreen() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.em.IsAltScreen()
}

// Resize changes the size of the terminal; the program hears of it.
func (t *Terminal) Resize(w, h int) error {
	t.mu.Lock()
	t.em.Resize(w, h)
	t.mu.Unlock()
	return pty.Setsize(t.file, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
}

// Pid is the program's process id.
func (t *Terminal) Pid() int { return t.cmd.Process.Pid }

// Exited is closed when the program has ended; Err then says how.
func (t *Terminal) Exited() <-chan struct{} { return t.exited }

// Err is how the program ended: nil for exit status 0. It is valid after Exited.
func (t *Terminal) Err() error { return t.err }

// Signal sends a signal to the program.
func (t *Terminal) Signal(s os.Signal) error { return t.cmd.Process.Signal(s) }

// Close ends the program, if it still runs, and waits for it and for the Terminal's goroutines.
func (t *Terminal) Close() error {
	select {
	case <-t.exited:
	default:
		_ = t.cmd.Process.Signal(syscall.SIGTERM)
		timer := time.NewTimer(stopWithin)
		defer timer.Stop()
		select {
		case <-t.exited:
		case <-timer.C:
			_ = t.cmd.Process.Kill()
			<-t.exited
		}
	}
	t.pumps.Wait()
	return t.file.Close()
}
