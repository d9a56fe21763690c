package composer

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// vim is the state of the NORMAL mode: what was typed of a command so far.
//
// It has the usual subset: motions h j k l w b e W B E 0 ^ $ gg G f F t T ; , with counts; operators d c y with motions, text
// objects (iw aw i" a( …) and doubled for lines; x X D C Y s S r ~ J p P i a I A o O u and U to redo (^R is reconnect). What it
// has not: registers, marks, macros, visual mode, "." and ":" (":" begins a /command).
type vim struct {
	normal   bool
	op       rune // d, c, y or 0
	opCount  int
	count    int
	wait     rune // f F t T r g, i or a after an operator: one more key is needed
	find     rune // the last f F t T
	findRune rune
	lines    bool // cut holds whole lines
}

// Normal reports whether keys are commands now.
func (m *Model) Normal() bool { return m.c.Settings.Vim && m.normal }

// Mode is "NORMAL", "INSERT" or, without vim keys, "".
func (m *Model) Mode() string {
	switch {
	case !m.c.Settings.Vim:
		return ""
	case !m.normal:
		return "INSERT"
	case m.op != 0:
		return "NORMAL " + string(m.op)
	}
	return "NORMAL"
}

// Escape closes the list of candidates, or an unfinished command, or leaves INSERT. False when there was nothing to leave.
func (m *Model) Escape() bool {
	switch {
	case m.ClosePopup():
	case !m.c.Settings.Vim:
		return false
	case !m.normal:
		m.normal, m.typing = true, false
		t, p := m.runes()
		if p > lineStart(t, p) {
			m.move(t, p-1)
		}
		m.refresh()
	case m.op != 0 || m.wait != 0 || m.count != 0:
		m.clear()
	default:
		return false
	}
	return true
}

func (m *Model) clear() { m.op, m.opCount, m.count, m.wait = 0, 0, 0, 0 }

func (m *Model) runes() ([]rune, int) {
	s := m.state()
	t := []rune(s.text)
	return t, min(s.at, len(t))
}

func (m *Model) move(t []rune, p int) { m.put(state{string(t), p}) }

// insert ends NORMAL mode with the cursor at p.
func (m *Model) insert(t []rune, p int) {
	m.move(t, p)
	m.clear()
	m.normal = false
	m.refresh()
}

// change replaces the runes from a to b and leaves the cursor at p.
func (m *Model) change(t []rune, a, b int, with string, p int) {
	m.remember(m.state(), false)
	m.put(state{string(t[:a]) + with + string(t[b:]), p})
}

// vimKey takes a key in NORMAL mode. False leaves it to the field: arrows, control keys.
func (m *Model) vimKey(msg tea.KeyPressMsg) bool {
	if !m.normal {
		return false
	}
	if msg.String() == "backspace" {
		msg = tea.KeyPressMsg{Code: 'h', Text: "h"}
	}
	r := []rune(msg.Text)
	if len(r) != 1 {
		return false
	}
	m.command(r[0])
	if t, p := m.runes(); m.normal { // the cursor stands on a character, not behind the last
		if p > lineStart(t, p) && p == lineEnd(t, p) {
			m.move(t, p-1)
		}
	}
	return true
}

func (m *Model) command(r rune) {
	t, p := m.runes()
	switch wait := m.wait; {
	case wait == 'r':
		n := max(m.count, 1)
		if p+n <= lineEnd(t, p) {
			m.change(t, p, p+n, strings.Repeat(string(r), n), p+n-1)
		}
		m.clear()
		return
	case wait == 'i' || wait == 'a':
		if a, b, ok := object(t, p, wait, r); ok {
			m.operate(t, p, a, b, false)
		}
		m.clear()
		return
	case wait == 0 && (r >= '1' && r <= '9' || r == '0' && m.count > 0):
		m.count = min(m.count*10+int(r-'0'), maxCount)
		return
	case wait == 0 && strings.ContainsRune("fFtTgr", r) && (r != 'r' || m.op == 0), wait == 0 && m.op != 0 && (r == 'i' || r == 'a'):
		m.wait = r
		return
	case wait == 0 && m.op == 0 && strings.ContainsRune("dcy", r):
		m.op, m.opCount, m.count = r, m.count, 0
		return
	}
	n := max(m.count, 1) * max(m.opCount, 1)
	if m.op != 0 && r == m.op && m.wait == 0 { // dd, cc, yy
		a, b := wholeLines(t, p, n)
		m.operate(t, p, a, b, true)
		m.clear()
		return
	}
	q, inclusive, linewise, ok := m.motion(t, p, r, n)
	if ok {
		switch {
		case m.op == 0:
			m.move(t, q)
		case linewise:
			a, _ := wholeLines(t, min(p, q), 1)
			_, b := wholeLines(t, max(p, q), 1)
			m.operate(t, p, a, b, true)
		default:
			a, b := min(p, q), max(p, q)
			if inclusive {
				b = min(b+1, len(t))
			}
			if r == 'w' || r == 'W' { // cw is ce, and the last word of a line does not take the line end along
				for b > a+1 && (m.op == 'c' && class(t[b-1], false) == 0 || n == 1 && slices.Contains(t[a:b], '\n')) {
					b--
				}
			}
			m.operate(t, p, a, b, false)
		}
		m.clear()
		return
	}
	if m.op == 0 && m.wait == 0 {
		m.simple(t, p, r, max(m.count, 1))
	}
	m.clear()
}

// operate does d, c or y to the runes from a to b.
func (m *Model) operate(t []rune, p, a, b int, linewise bool) {
	m.cut, m.lines = string(t[a:b]), linewise
	if linewise {
		m.cut = strings.TrimSuffix(m.cut, "\n")
	}
	switch op := m.op; {
	case op == 'y':
		m.move(t, min(a, p))
	case op == 'c' && linewise:
		if b > a && t[b-1] == '\n' {
			b--
		}
		m.change(t, a, b, "", a)
		m.normal = false
	case op == 'c':
		m.change(t, a, b, "", a)
		m.normal = false
	case linewise && b == len(t) && a > 0: // the last line goes with the line end before it
		m.change(t, a-1, b, "", lineStart(t, a-1))
	default:
		m.change(t, a, b, "", a)
	}
	m.refresh()
}

// simple are the commands that take no motion.
func (m *Model) simple(t []rune, p int, r rune, n int) {
	start, end := lineStart(t, p), lineEnd(t, p)
	as := func(op, motion rune) { m.op = op; m.count = n; m.command(motion) }
	switch r {
	case 'i':
		m.insert(t, p)
	case 'a':
		m.insert(t, min(p+1, end))
	case 'I':
		m.insert(t, firstNonBlank(t, p))
	case 'A':
		m.insert(t, end)
	case 'o', 'O':
		at := end
		if r == 'O' {
			at = start
		}
		m.change(t, at, at, "\n", at+1)
		if r == 'O' {
			s := m.state()
			m.put(state{s.text, at})
		}
		m.normal = false
		m.refresh()
	case 'x':
		as('d', 'l')
	case 'X':
		as('d', 'h')
	case 's':
		as('c', 'l')
	case 'S':
		as('c', 'c')
	case 'D':
		as('d', '$')
	case 'C':
		as('c', '$')
	case 'Y':
		as('y', 'y')
	case 'p', 'P':
		m.paste(t, p, r == 'p', n)
	case 'u':
		m.Undo()
	case 'U':
		m.Redo()
	case '~':
		b := min(p+n, end)
		if b > p {
			m.change(t, p, b, strings.Map(swapCase, string(t[p:b])), min(b, end))
		}
	case 'J':
		if end < len(t) {
			b := end + 1
			for b < len(t) && t[b] == ' ' {
				b++
			}
			m.change(t, end, b, " ", end)
		}
	case ':':
		if len(t) == 0 {
			m.insert([]rune("/"), 1)
		}
	}
}

func (m *Model) paste(t []rune, p int, after bool, n int) {
	text := strings.Repeat(m.cut, n)
	switch {
	case m.cut == "":
	case m.lines && after:
		end := lineEnd(t, p)
		m.change(t, end, end, strings.Repeat("\n"+m.cut, n), end+1)
	case m.lines:
		start := lineStart(t, p)
		m.change(t, start, start, strings.Repeat(m.cut+"\n", n), start)
	case after && p < lineEnd(t, p):
		m.change(t, p+1, p+1, text, p+len([]rune(text)))
	default:
		m.change(t, p, p, text, p+len([]rune(text))-1)
	}
}
