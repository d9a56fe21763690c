package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lines tells a query part by part.
func (q *Query) lines() (out []string) {
	for i, cs := range [][]clause{q.words, q.not} {
		for _, c := range cs {
			s := []string{"", "not "}[i] + strings.Join(c.words, "_")
			if c.prefix {
				s += "*"
			}
			out = append(out, s)
		}
	}
	for _, l := range []struct {
		name   string
		values []string
	}{{"from", q.from}, {"not from", q.notFrom}, {"in", q.in}, {"not in", q.notIn}} {
		for _, v := range l.values {
			out = append(out, l.name+" "+v)
		}
	}
	for _, l := range []struct {
		name string
		ms   int64
	}{{"after", q.afterMS}, {"before", q.beforeMS}} {
		if l.ms != 0 {
			out = append(out, l.name+" "+time.UnixMilli(l.ms).UTC().Format(time.RFC3339))
		}
	}
	return out
}

func TestParseQuery(t *testing.T) {
	for query, want := range map[string][]string{
		"Disk full":               {"disk", "full"},
		`"Disk full"`:             {"disk_full"},
		`-"disk full" n1`:         {"n1", "not disk_full"},
		`a"b c"d`:                 {"a", "b_c", "d"},
		"foo-bar user@host":       {"foo_bar", "user_host"},
		"deploy* -dep*":           {"deploy*", "not dep*"},
		"from:Alice FROM:@bob x":  {"x", "from alice", "from bob"},
		"in:@bob in:#Ops -in:#b":  {"in @bob", "in #ops", "not in #b"},
		"-from:bob x":             {"x", "not from bob"},
		`"from:bob"`:              {"from_bob"},
		"http://x.y/z":            {"http_x_y_z"},
		"after:2026-01-31":        {"after 2026-01-31T00:00:00Z"},
		"-after:2026-01-31":       {"before 2026-01-31T00:00:00Z"},
		"before:2026-01-31 x":     {"x", "before 2026-01-31T00:00:00Z"},
		"after:2026-01-31t12:00z": nil,
		"after:2026-01-31T12:00:00+02:00 after:2026-01-01": {"after 2026-01-31T10:00:00Z"},
		"会議 Straße ÉTÉ":                                    {"会_議", "straße", "été"},
		"👍":                                                {"👍"},
		"":                                                 nil,
		"  ":                                               nil,
		"-word":                                            nil,
		"-from:bob":                                        nil,
		"-":                                                nil,
		"*":                                                nil,
		"?!":                                               nil,
		`"open`:                                            nil,
		`""`:                                               nil,
		"from:":                                            nil,
		"from:a/b":                                         nil,
		"from:#ops":                                        nil,
		"in:bob":                                           nil,
		"in:@":                                             nil,
		"before:tomorrow":                                  nil,
		"before:1969-01-01":                                nil,
	} {
		q, err := ParseQuery(query)
		if want == nil {
			var bad *QueryError
			if !errors.As(err, &bad) || bad.Message == "" {
				t.Errorf("%q: %v, want a QueryError", query, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", query, err)
		} else if got := q.lines(); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", query, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", MaxQueryBytes+1), strings.Repeat("x ", maxQueryParts+1)} {
		if _, err := ParseQuery(long); err == nil {
			t.Errorf("%d bytes in %d words were taken", len(long), len(strings.Fields(long)))
		}
	}
}

func TestWords(t *testing.T) {
	long := strings.Repeat("ä", maxWordBytes)
	for text, want := range map[string]string{
		"The quick-brown Fox_2.": "the quick brown fox 2",
		"don't":                  "don t",
		"ÅNGSTRÖM ａｂｃ":           "ångström abc",
		"e\u0301te\u0301":        "été",
		"会議は3時":                  "会 議 は 3 時",
		"ok👍👍 ❤\ufe0f":           "ok 👍 👍 ❤",
		long:                     long[:maxWordBytes],
		"":                       "",
	} {
		if got := strings.Join(appendWords(nil, text), " "); got != want {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

func TestMatches(t *testing.T) {
	text := "The disk of n1 is full, the DISK!"
	for query, want := range map[string]bool{
		"disk full": true, "full disk": true, "dis": false, "dis*": true, `"is full"`: true, `"full is"`: false, `"the disk"`: true,
		`"is fu*"`: true, `"is fu"`: false, "disk -full": false, "disk -empty": true, `-"of n2" n1`: true, `-"of n*" n1`: false,
	} {
		q, err := ParseQuery(query)
		must(t, err)
		if got := q.matches(appendWords(nil, text)); got != want {
			t.Errorf("%q matches: %v, want %v", query, got, want)
		}
	}
}

// TestScore says what best means: more of the words, in a shorter message.
func TestScore(t *testing.T) {
	q, err := ParseQuery("disk")
	must(t, err)
	last := ^uint64(0)
	for _, text := range []string{"disk disk disk", "disk", "the disk is full", "the disk of the first node is full again today"} {
		score := q.score(appendWords(nil, text))
		if score >= last {
			t.Errorf("%q has %d, the one before has %d", text, score, last)
		}
		last = score
	}
}

// FuzzParseQuery: any query is either taken or refused with a reason in one line, and a text is found by its own words.
func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{"disk full", `-"a b" from:x in:#y`, "before:2026-01-31", `"`, "a*", "会議", "\x00\xff", "-:-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := ParseQuery(s)
		if err != nil {
			var bad *QueryError
			if !errors.As(err, &bad) || strings.ContainsAny(bad.Message, "\n\r") {
				t.Fatalf("%q: %v", s, err)
			}
		} else if len(q.lines()) == 0 {
			t.Fatalf("%q was taken and asks for nothing", s)
		}
		words := appendWords(nil, s)
		for _, w := range words {
			if again := appendWords(nil, w); len(again) != 1 || again[0] != w {
				t.Fatalf("the word %q of %q has the words %q", w, s, again)
			}
		}
		if len(words) > 0 && len(words) <= maxQueryParts {
			own := fmt.Sprintf(`"%s"`, strings.Join(words, " "))
			q, err := ParseQuery(own)
			if len(own) <= MaxQueryBytes && (err != nil || !q.matches(words)) {
				t.Fatalf("%q is not found by %s: %v", s, own, err)
			}
		}
	})
}
