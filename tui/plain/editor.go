package plain

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/term"
)

// Keys that the line editor of x/term would read as the end of the input, or not at all.
const (
	keyInterrupt = 0x03 // ^C
	keySuspend   = 0x1a // ^Z
	keyKillLeft  = 0x15 // ^U
	keyKillRight = 0x0b // ^K
)

// editor is a line editor on a terminal in raw mode.
type editor struct {
	in, out *os.File
	term    *term.Terminal
	words   atomic.Pointer[[]string]
	stop    func() // of watchSize

	// Of the goroutine that reads.
	buf                 [256]byte
	typed               []byte // what was read and not handed on, in buf
	interrupted, hungUp bool   // ^C was typed in this line; the terminal is gone

	mu     sync.Mutex // guards what follows
	cooked *term.State
	closed bool
}

func openEditor(in, out *os.File) (Console, error) {
	e := &editor{in: in, out: out}
	if err := e.raw(); err != nil {
		return nil, err
	}
	e.term = term.NewTerminal(e, "> ")
	e.term.AutoCompleteCallback = e.complete
	e.term.SetBracketedPasteMode(true)
	e.resize()
	e.stop = watchSize(e.resize)
	return e, nil
}

func (e *editor) raw() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.cooked != nil {
		return nil
	}
	old, err := term.MakeRaw(int(e.in.Fd()))
	if err != nil {
		return err
	}
	e.cooked = old
	return nil
}

// cook gives the terminal its own line discipline back.
func (e *editor) cook() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cooked != nil {
		_ = term.Restore(int(e.in.Fd()), e.cooked)
		e.cooked = nil
	}
}

// resize learns the size, and takes the terminal again: who stopped the process may have changed its modes.
func (e *editor) resize() {
	e.mu.Lock()
	if e.cooked != nil && !e.closed {
		_, _ = term.MakeRaw(int(e.in.Fd()))
	}
	e.mu.Unlock()
	if w, h, err := term.GetSize(int(e.out.Fd())); err == nil && w > 0 && h > 0 {
		_ = e.term.SetSize(w, h)
	}
}

// Read is the terminal as x/term reads it: what it would not understand, or take for the end, is dealt with here. Only the
// goroutine of ReadLine calls it, without the lock of term.
func (e *editor) Read(b []byte) (int, error) {
	for {
		if len(e.typed) == 0 {
			n, err := e.in.Read(e.buf[:])
			if e.typed = e.buf[:n]; n == 0 {
				e.hungUp = err != nil
				return 0, err
			}
		}
		if at := bytes.IndexAny(e.typed, string([]byte{keyInterrupt, keySuspend})); at != 0 {
			if at < 0 {
				at = len(e.typed)
			}
			n := copy(b, e.typed[:at])
			e.typed = e.typed[n:]
			return n, nil
		}
		key := e.typed[0]
		if key == keyInterrupt && len(b) < 3 {
			return 0, io.ErrShortBuffer // its buffer has room for a paste
		}
		e.typed = e.typed[1:]
		if key == keyInterrupt {
			e.interrupted = true
			return copy(b, []byte{keyKillLeft, keyKillRight, '\r'}), nil
		}
		e.suspend()
	}
}

// Write is the terminal as x/term writes it.
func (e *editor) Write(b []byte) (int, error) { return e.out.Write(b) }

// suspend stops the process until the shell lets it go on, and draws the line anew.
func (e *editor) suspend() {
	e.cook()
	_, _ = io.WriteString(e.out, "\r\n")
	stopSelf()
	if err := e.raw(); err == nil {
		e.resize()
		_, _ = e.term.Write(nil)
	}
}

func (e *editor) ReadLine() (string, bool, error) {
	e.interrupted = false
	text, err := e.term.ReadLine()
	switch {
	case errors.Is(err, term.ErrPasteIndicator):
		return text, true, nil
	case e.interrupted && err == nil:
		return "", false, ErrInterrupt
	case errors.Is(err, io.EOF) && !e.hungUp:
		return "", false, ErrEnd
	}
	return text, false, err
}

func (e *editor) Print(line string)    { _, _ = e.term.Write([]byte(line + "\n")) }
func (e *editor) Prompt(p string)      { e.term.SetPrompt(p); _, _ = e.term.Write(nil) }
func (e *editor) Words(words []string) { e.words.Store(&words) }
func (e *editor) Interactive() bool    { return true }

func (e *editor) Close() {
	e.stop()
	e.term.SetBracketedPasteMode(false)
	e.cook()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	_, _ = io.WriteString(e.out, "\r\n")
}

// complete extends the word before the cursor as far as all words that begin with it agree.
func (e *editor) complete(text string, pos int, key rune) (string, int, bool) {
	words := e.words.Load()
	if key != '\t' || words == nil {
		return "", 0, false
	}
	at := strings.LastIndexByte(text[:pos], ' ') + 1
	word := text[at:pos]
	if word == "" || strings.HasPrefix(word, "/") && at > 0 {
		return text, pos, true
	}
	var found []string
	for _, w := range *words {
		if strings.HasPrefix(w, word) {
			found = append(found, w)
		}
	}
	if len(found) == 0 {
		return text, pos, true
	}
	slices.Sort(found)
	full := found[0]
	for last := found[len(found)-1]; !strings.HasPrefix(last, full); {
		full = full[:len(full)-1]
	}
	if len(found) == 1 {
		full += " "
	}
	return text[:at] + full + text[pos:], at + len(full), true
}
