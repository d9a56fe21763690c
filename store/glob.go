package store

import "strings"

// A glob matches whole names: * is any run of characters, ? is one character, \ takes the next one as it is. There are
// no classes and nothing is invalid; a \ at the end stands for itself. Names are ASCII, so bytes are characters.

// globMatch needs at most len(pattern) x len(name) steps: at a mismatch only the last * is tried again, for an earlier
// one could not match more.
func globMatch(pattern, name string) bool {
	p, n := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, resume = p, n
			p++
			continue
		}
		if c, size, wild := globUnit(pattern, p); size > 0 && (wild || c == name[n]) {
			p += size
			n++
			continue
		}
		if star < 0 {
			return false
		}
		resume++
		p, n = star+1, resume
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globUnit reads what stands at p, which is no *: the character to match, or wild for ?. Size 0 at the end.
func globUnit(pattern string, p int) (c byte, size int, wild bool) {
	switch {
	case p >= len(pattern):
		return 0, 0, false
	case pattern[p] == '?':
		return 0, 1, true
	case pattern[p] == '\\' && p+1 < len(pattern):
		return pattern[p+1], 2, false
	default:
		return pattern[p], 1, false
	}
}

// globPrefix returns what every match begins with.
func globPrefix(pattern string) string {
	var b strings.Builder
	for p := 0; p < len(pattern) && pattern[p] != '*'; {
		c, size, wild := globUnit(pattern, p)
		if wild {
			break
		}
		b.WriteByte(c)
		p += size
	}
	return b.String()
}
