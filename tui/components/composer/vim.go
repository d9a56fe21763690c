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

func swapCase(r rune) rune {
	if up := []rune(strings.ToUpper(string(r))); len(up) == 1 && up[0] != r {
		return up[0]
	}
	return []rune(strings.ToLower(string(r)))[0]
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

// motion is where a motion leads; r is its last key.
func (m *Model) motion(t []rune, p int, r rune, n int) (q int, inclusive, linewise, ok bool) {
	start, end := lineStart(t, p), lineEnd(t, p)
	if m.wait != 0 {
		switch wait := m.wait; wait {
		case 'g':
			if r != 'g' {
				return p, false, false, false
			}
			return nthLine(t, max(m.count, 1)), false, true, true
		default:
			m.find, m.findRune = wait, r
			q, ok = findRune(t, p, wait, r, n)
			return q, wait == 'f' || wait == 't', false, ok
		}
	}
	switch r {
	case 'h':
		return max(start, p-n), false, false, true
	case 'l', ' ':
		return min(end, p+n), false, false, true
	case '0':
		return start, false, false, true
	case '^', '_':
		return firstNonBlank(t, p), false, false, true
	case '$':
		return end, false, false, true
	case 'j', 'k':
		q = p
		for range n {
			to := lineEnd(t, q) + 1
			if r == 'k' {
				to = lineStart(t, q) - 1
			}
			if to < 0 || to > len(t) {
				break
			}
			q = to
		}
		if lineStart(t, q) == start { // nowhere to go
			return p, false, false, false
		}
		return min(lineStart(t, q)+p-start, lineEnd(t, q)), false, true, true
	case 'G':
		if m.count > 0 {
			return nthLine(t, m.count), false, true, true
		}
		return lineStart(t, len(t)), false, true, true
	case 'w', 'W':
		for range n {
			p = wordOn(t, p, r == 'W')
		}
		return p, false, false, true
	case 'b', 'B':
		for range n {
			p = wordBack(t, p, r == 'B')
		}
		return p, false, false, true
	case 'e', 'E':
		for range n {
			p = wordEnd(t, p, r == 'E')
		}
		return p, true, false, true
	case ';', ',':
		f := m.find
		if r == ',' {
			f = map[rune]rune{'f': 'F', 'F': 'f', 't': 'T', 'T': 't'}[f]
		}
		q, ok = findRune(t, p, f, m.findRune, n)
		return q, f == 'f' || f == 't', false, ok
	}
	return p, false, false, false
}

func lineStart(t []rune, p int) int {
	for p > 0 && t[p-1] != '\n' {
		p--
	}
	return p
}

func lineEnd(t []rune, p int) int {
	for p < len(t) && t[p] != '\n' {
		p++
	}
	return p
}

func firstNonBlank(t []rune, p int) int {
	q, end := lineStart(t, p), lineEnd(t, p)
	for q < end && t[q] == ' ' {
		q++
	}
	return q
}

// nthLine is the start of a line by its number from 1, or of the last one.
func nthLine(t []rune, n int) int {
	q := 0
	for ; n > 1; n-- {
		end := lineEnd(t, q)
		if end == len(t) {
			break
		}
		q = end + 1
	}
	return q
}

// wholeLines is the piece of n lines from the one at p, with the line end of the last.
func wholeLines(t []rune, p, n int) (a, b int) {
	a, b = lineStart(t, p), p
	for range n {
		b = lineEnd(t, b)
		if b == len(t) {
			return a, b
		}
		b++
	}
	return a, b
}

// class groups characters to words: 0 for space, 1 for letters, 2 for other signs; big words know only space and not.
func class(r rune, big bool) int {
	switch {
	case r == ' ' || r == '\n':
		return 0
	case big || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x80:
		return 1
	}
	return 2
}

func wordOn(t []rune, p int, big bool) int {
	if p < len(t) {
		for c := class(t[p], big); p < len(t) && c != 0 && class(t[p], big) == c; p++ {
		}
	}
	for p < len(t) && class(t[p], big) == 0 {
		p++
	}
	return p
}

func wordBack(t []rune, p int, big bool) int {
	for p > 0 && class(t[p-1], big) == 0 {
		p--
	}
	if p > 0 {
		for c := class(t[p-1], big); p > 0 && class(t[p-1], big) == c; p-- {
		}
	}
	return p
}

func wordEnd(t []rune, p int, big bool) int {
	for p++; p < len(t) && class(t[p], big) == 0; p++ {
	}
	for p+1 < len(t) && class(t[p+1], big) == class(t[p], big) {
		p++
	}
	return max(0, min(p, len(t)-1))
}

// findRune is the place of the n-th r in the line, as f, F, t and T have it.
func findRune(t []rune, p int, kind, r rune, n int) (int, bool) {
	step := 1
	if kind == 'F' || kind == 'T' {
		step = -1
	}
	start, end := lineStart(t, p), lineEnd(t, p)
	q := p
	if kind == 't' || kind == 'T' { // ; after t does not find the same place again
		if i := p + step; i >= start && i < end && t[i] == r && n == 1 {
			q += step
		}
	}
	for q += step; q >= start && q < end; q += step {
		if t[q] != r {
			continue
		}
		if n--; n == 0 {
			switch kind {
			case 't':
				q--
			case 'T':
				q++
			}
			return q, true
		}
	}
	return p, false
}

// object is the piece that a text object names: w and W for words, quotes and brackets within a line.
func object(t []rune, p int, kind, what rune) (a, b int, ok bool) {
	start, end := lineStart(t, p), lineEnd(t, p)
	switch what {
	case 'w', 'W':
		if p >= end {
			return p, p, false
		}
		a, b = p, p
		for c := class(t[p], what == 'W'); a > start && class(t[a-1], what == 'W') == c; a-- {
		}
		for c := class(t[p], what == 'W'); b < end && class(t[b], what == 'W') == c; b++ {
		}
		if kind == 'a' {
			for b < end && t[b] == ' ' {
				b++
			}
		}
		return a, b, true
	case '"', '\'', '`':
		line := t[start:end]
		i := slices.Index(line, what)
		for i >= 0 {
			j := slices.Index(line[i+1:], what)
			if j < 0 {
				break
			}
			j += i + 1
			if start+j >= p {
				return within(start+i, start+j, kind)
			}
			next := slices.Index(line[j+1:], what)
			if next < 0 {
				break
			}
			i = j + 1 + next
		}
		return p, p, false
	}
	for _, pair := range []string{"()", "[]", "{}", "<>"} {
		if strings.ContainsRune(pair, what) || pair == "()" && what == 'b' || pair == "{}" && what == 'B' {
			return brackets(t, p, rune(pair[0]), rune(pair[1]), kind)
		}
	}
	return p, p, false
}

func brackets(t []rune, p int, open, shut rune, kind rune) (a, b int, ok bool) {
	depth := 0
	for a = p; a >= 0; a-- {
		if a < len(t) && t[a] == shut && a != p {
			depth++
		}
		if a < len(t) && t[a] == open {
			if depth == 0 {
				break
			}
			depth--
		}
	}
	if a < 0 {
		return p, p, false
	}
	depth = 0
	for b = a + 1; b < len(t); b++ {
		switch t[b] {
		case open:
			depth++
		case shut:
			if depth == 0 {
				return within(a, b, kind)
			}
			depth--
		}
	}
	return p, p, false
}

func within(a, b int, kind rune) (int, int, bool) {
	if kind == 'i' {
		return a + 1, b, true
	}
	return a, b + 1, true
}
