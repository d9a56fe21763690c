package composer

import (
	"strings"
	"unicode/utf8"
)

// Candidate is one thing that the word before the cursor may become.
type Candidate struct {
	Insert string // takes the place of the word; empty: shown only
	Label  string
	Note   string // drawn last
}

// Source finds candidates for the text before the cursor: they replace it from the byte start on.
type Source func(before string) (start int, list []Candidate)

// popup is the list above the composer.
type popup struct {
	list   []Candidate
	start  int // byte of the draft where the word begins
	at     int // the one chosen, -1 for none yet
	closed bool

	head, typed, tail string // around and what a person wrote, while candidates are tried
}

// SetSource tells where candidates come from.
func (m *Model) SetSource(s Source) { m.source = s }

// Popup is the open list and the chosen one of it, -1 for none.
func (m *Model) Popup() ([]Candidate, int) {
	if m.popup.closed {
		return nil, -1
	}
	return m.popup.list, m.popup.at
}

// Refresh asks for the candidates anew: what they are made of changed.
func (m *Model) Refresh() {
	if m.popup.at < 0 {
		m.refresh()
	}
}

// refresh finds the candidates after a change.
func (m *Model) refresh() {
	before, was := m.before(), m.popup
	m.popup = popup{at: -1}
	if m.source == nil || m.c.Settings.Vim && m.normal {
		return
	}
	start, list := m.source(before)
	m.popup.start, m.popup.list = start, list
	m.popup.closed = was.closed && was.start == start && len(list) > 0 // it stays closed for this word
}

// before is the draft up to the cursor.
func (m *Model) before() string {
	s := m.state()
	return string([]rune(s.text)[:min(s.at, utf8.RuneCountInString(s.text))])
}

// Complete puts the next (1) or previous (-1) candidate in the place of the word. False when there is none.
func (m *Model) Complete(n int) bool {
	p := &m.popup
	p.closed = false
	var list []Candidate
	for _, c := range p.list {
		if c.Insert != "" {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return false
	}
	was := m.state()
	if p.at < 0 {
		before := m.before()
		p.head, p.typed, p.tail = before[:p.start], before[p.start:], was.text[len(before):]
		m.remember(was, false)
		p.list = list
		if n < 0 {
			p.at = 0
		}
	}
	p.at = (p.at + n + len(list)) % len(list)
	text := list[p.at].Insert
	m.spaced = false
	if !strings.HasSuffix(text, " ") && !strings.HasPrefix(p.tail, " ") {
		text, m.spaced = text+" ", true
	}
	m.put(state{p.head + text + p.tail, utf8.RuneCountInString(p.head + text)})
	if len(list) == 1 {
		spaced := m.spaced
		m.refresh()
		m.spaced = spaced
	}
	return true
}

// Choosing reports whether candidates are being tried.
func (m *Model) Choosing() bool { return !m.popup.closed && m.popup.at >= 0 }

// ClosePopup closes the list, and gives back what was written when candidates were being tried. False when none is open.
func (m *Model) ClosePopup() bool {
	p := m.popup
	if p.closed || len(p.list) == 0 {
		return false
	}
	if p.at >= 0 {
		m.put(state{p.head + p.typed + p.tail, utf8.RuneCountInString(p.head + p.typed)})
	}
	m.refresh()
	m.popup.closed = true
	return true
}

// Word is the word before the cursor.
func (m *Model) Word() string {
	before := m.before()
	return before[strings.LastIndexAny(before, " \n([{\"'")+1:]
}
