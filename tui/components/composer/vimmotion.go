package composer

import (
	"slices"
	"strings"
)

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

func swapCase(r rune) rune {
	if up := []rune(strings.ToUpper(string(r))); len(up) == 1 && up[0] != r {
		return up[0]
	}
	return []rune(strings.ToLower(string(r)))[0]
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
