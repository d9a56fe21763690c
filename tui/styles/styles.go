// Package styles holds every colour of the terminal client. Meaning is never carried by colour alone: each state has a word
// or a sign too, so that NO_COLOR and colour-blind eyes lose nothing.
package styles

import (
	"hash/fnv"
	"image/color"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// Styles is one theme. The zero value draws plain text.
type Styles struct {
	Text, Dim, Strong, Accent, Rule lipgloss.Style
	Good, Warn, Bad                 lipgloss.Style
	Bar, BarDim                     lipgloss.Style
	Current, Selected, Unread       lipgloss.Style
	Own                             lipgloss.Style
	Error                           lipgloss.Style
	Mention, Code                   lipgloss.Style

	authors []lipgloss.Style
}

// The author colours keep at least 4.5:1 against the backgrounds that people use (a test measures it): black to a dark grey,
// white to a warm paper.
var (
	darkAuthors = []string{
		"#ff8a80", "#ffb86c", "#f1d36b", "#b8e07a", "#7ee0a1", "#6fe0d2",
		"#7cc7ff", "#9db4ff", "#c3a6ff", "#f0a1ff", "#ff9ecb", "#d7c4a3",
	}
	lightAuthors = []string{
		"#a61b1b", "#8f4400", "#735500", "#4a6600", "#006b38", "#00686d",
		"#0059a6", "#3749c8", "#6a33c2", "#941ca2", "#ad175b", "#65553a",
	}
)

// New is the theme for a background and a terminal's range of colours. With sixteen colours or fewer it keeps to the
// terminal's own palette.
func New(dark bool, p colorprofile.Profile) Styles {
	st := lipgloss.NewStyle
	few := p != colorprofile.Unknown && p <= colorprofile.ANSI
	pick := func(d, l string) color.Color {
		if dark {
			return lipgloss.Color(d)
		}
		return lipgloss.Color(l)
	}
	s := Styles{
		Text:     st(),
		Dim:      st().Foreground(pick("245", "242")),
		Strong:   st().Bold(true),
		Accent:   st().Foreground(pick("14", "6")),
		Rule:     st().Foreground(pick("240", "249")),
		Good:     st().Foreground(pick("10", "2")),
		Warn:     st().Foreground(pick("11", "130")),
		Bad:      st().Foreground(pick("9", "1")),
		Bar:      st().Background(pick("236", "254")).Foreground(pick("252", "235")),
		BarDim:   st().Background(pick("236", "254")).Foreground(pick("248", "240")),
		Current:  st().Bold(true).Reverse(true),
		Selected: st().Reverse(true),
		Unread:   st().Bold(true).Foreground(pick("11", "130")),
		Own:      st().Bold(true),
		Error:    st().Bold(true).Foreground(pick("9", "1")),
		Mention:  st().Bold(true).Foreground(pick("11", "130")),
		Code:     st().Foreground(pick("14", "6")),
	}
	names := lightAuthors
	if dark {
		names = darkAuthors
	}
	if few {
		s.Dim, s.Rule = st().Faint(true), st().Faint(true)
		s.Bar, s.BarDim = st().Reverse(true), st().Reverse(true)
		s.Warn, s.Unread = st().Foreground(pick("11", "5")), st().Bold(true).Foreground(pick("11", "5"))
		names = []string{"1", "2", "4", "5", "6"}
		if dark {
			names = []string{"9", "10", "11", "12", "13", "14"}
		}
	}
	for _, n := range names {
		s.authors = append(s.authors, st().Foreground(lipgloss.Color(n)))
	}
	return s
}

// Author is the colour of a name: the same name has the same colour in every conversation and every run.
func (s Styles) Author(name string) lipgloss.Style {
	if len(s.authors) == 0 {
		return s.Text
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return s.authors[h.Sum32()%uint32(len(s.authors))]
}

// Word is the badge of a connection state.
func (s Styles) Word(word string) lipgloss.Style {
	base := s.Bad
	switch word {
	case "READY":
		base = s.Good
	case "FAILOVER", "ELECTION", "CONNECTING":
		base = s.Warn
	}
	return base.Reverse(true).Bold(true)
}
