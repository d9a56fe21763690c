package search

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Query is what a person asked for. All of it must hold of a message; of several from: one, and of several in: one.
type Query struct {
	words, not    []clause
	from, notFrom []string // user names in lower case, without @
	in, notIn     []string // "@user" or "#room" in lower case
	// A message's time must be in [afterMS, beforeMS), unix milliseconds; 0 is no bound.
	afterMS, beforeMS int64
}

// clause is words that follow each other; with prefix the last one may go on.
type clause struct {
	words  []string
	prefix bool
}

// QueryError says what is wrong with a query. It reads well after "query ".
type QueryError struct{ Message string }

func (e *QueryError) Error() string { return "search: the query " + e.Message }

func bad(format string, args ...any) error { return &QueryError{fmt.Sprintf(format, args...)} }

// ParseQuery reads a query: words, "phrases", from:name, in:@user, in:#room, before:2026-01-31, after:2026-01-31, each with a -
// in front for what must not hold, and word* for all words that begin so. A day is one of UTC: after: begins with it, before:
// ends ahead of it; an RFC 3339 time is taken too. What looks like from: but is in quotes is words. The error is a *QueryError.
func ParseQuery(s string) (*Query, error) {
	if len(s) > MaxQueryBytes {
		return nil, bad("must be at most %d bytes", MaxQueryBytes)
	}
	q := new(Query)
	parts := 0
	for {
		s = strings.TrimLeft(s, " \t\r\n")
		if s == "" {
			break
		}
		if parts++; parts > maxQueryParts {
			return nil, bad("must have at most %d words and filters", maxQueryParts)
		}
		rest, err := q.part(s)
		if err != nil {
			return nil, err
		}
		s = rest
	}
	if len(q.words)+len(q.from)+len(q.in) == 0 && q.afterMS == 0 && q.beforeMS == 0 {
		if parts == 0 {
			return nil, bad("must not be empty")
		}
		return nil, bad("must say something that a message has, beside what it must not have")
	}
	return q, nil
}

// part reads the first part of a query and returns the rest.
func (q *Query) part(s string) (rest string, err error) {
	not := strings.HasPrefix(s, "-")
	if not {
		s = s[1:]
	}
	if strings.HasPrefix(s, `"`) {
		text, rest, ok := strings.Cut(s[1:], `"`)
		if !ok {
			return "", bad(`has a " without its end`)
		}
		return rest, q.addWords(text, not)
	}
	text := s
	if i := strings.IndexAny(s, " \t\r\n\""); i >= 0 {
		text, rest = s[:i], s[i:]
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		return rest, q.addWords(text, not)
	}
	switch strings.ToLower(name) {
	case "from":
		err = q.addFrom(value, not)
	case "in":
		err = q.addIn(value, not)
	case "after", "before":
		err = q.addTime(strings.ToLower(name), value, not)
	default:
		err = q.addWords(text, not)
	}
	return rest, err
}

func (q *Query) addWords(text string, not bool) error {
	c := clause{words: appendWords(nil, text), prefix: strings.HasSuffix(text, "*")}
	switch {
	case len(c.words) == 0 && text == "":
		return bad("has nothing after a - or between quotes")
	case len(c.words) == 0:
		return bad("has %q, which is no word: letters, digits and emoji are", text)
	case not:
		q.not = append(q.not, c)
	default:
		q.words = append(q.words, c)
	}
	return nil
}

func (q *Query) addFrom(value string, not bool) error {
	name := foldName(strings.TrimPrefix(value, "@"))
	if !nameOK(name) {
		return bad("needs a user name after from:, such as from:alice")
	}
	if not {
		q.notFrom = append(q.notFrom, name)
	} else {
		q.from = append(q.from, name)
	}
	return nil
}

func (q *Query) addIn(value string, not bool) error {
	name := foldName(value)
	if len(name) < 2 || name[0] != '@' && name[0] != '#' || !nameOK(name[1:]) {
		return bad("needs a conversation after in:, such as in:@alice or in:#ops")
	}
	if not {
		q.notIn = append(q.notIn, name)
	} else {
		q.in = append(q.in, name)
	}
	return nil
}

// addTime narrows the times; -after: is before: and the other way round.
func (q *Query) addTime(name, value string, not bool) error {
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		if t, err = time.Parse(time.RFC3339, strings.ToUpper(value)); err != nil {
			return bad("needs a day after %s:, such as %s:2026-01-31, or a time such as 2026-01-31T10:00:00Z", name, name)
		}
	}
	ms := t.UnixMilli()
	if ms <= 0 {
		return bad("needs a day after 1970 after %s:", name)
	}
	if (name == "after") != not {
		q.afterMS = max(q.afterMS, ms)
	} else if q.beforeMS == 0 || ms < q.beforeMS {
		q.beforeMS = ms
	}
	return nil
}

// foldName is how the state compares names.
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// nameOK says whether a user or a room may be called so.
func nameOK(s string) bool {
	if len(s) == 0 || len(s) > maxNameBytes {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
	})
}

// matches says whether words, those of a message, are what was asked for.
func (q *Query) matches(words []string) bool {
	for i := range q.words {
		if q.words[i].count(words, 1) == 0 {
			return false
		}
	}
	return !slices.ContainsFunc(q.not, func(c clause) bool { return c.count(words, 1) > 0 })
}

// inTime says whether a message of that time is asked for.
func (q *Query) inTime(ms int64) bool { return ms >= q.afterMS && (q.beforeMS == 0 || ms < q.beforeMS) }

// count returns how often a clause is in the words, at most limit.
func (c *clause) count(words []string, limit int) (n int) {
	for i := 0; i+len(c.words) <= len(words) && n < limit; i++ {
		if c.at(words[i:]) {
			n++
		}
	}
	return n
}

func (c *clause) at(words []string) bool {
	last := len(c.words) - 1
	for i, w := range c.words[:last] {
		if words[i] != w {
			return false
		}
	}
	return words[last] == c.words[last] || c.prefix && strings.HasPrefix(words[last], c.words[last])
}

// score says how well a message that matches fits: more for words that are in it more often and for a shorter message. It
// depends on the message and the query alone, so that every node gives the same order and nobody learns how common a word is
// in what others write.
func (q *Query) score(words []string) (score uint64) {
	for i := range q.words {
		n := uint64(q.words[i].count(words, maxScoredCount))
		score += scoreUnit * n * 10 / (10*n + 3 + uint64(len(words)))
	}
	return score
}
