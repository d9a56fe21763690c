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

	// Background and Foreground are set when the theme is not made for the terminal's own; the terminal takes them until the
	// client ends.
	Background, Foreground color.Color

	authors []lipgloss.Style
}

// New is the theme "auto": it follows the terminal's background and its range of colours.
func New(isDark bool, p colorprofile.Profile) Styles { return Named("auto", isDark, p) }

// Named is a theme by its name (see Themes; an unknown one is auto) on a terminal with this background and this range of
// colours. With sixteen colours or fewer every theme keeps to the terminal's palette; without colours every theme is mono.
func Named(name string, isDark bool, p colorprofile.Profile) Styles {
	known := p != colorprofile.Unknown
	switch {
	case name == "mono" || known && p < colorprofile.ANSI:
		return mono()
	case name == "terminal" || known && p == colorprofile.ANSI:
		return sixteen(isDark)
	}
	pal, wantDark := &light, isDark
	switch name {
	case "dark":
		wantDark = true
	case "light":
		wantDark = false
	}
	switch {
	case name == "high-contrast" && isDark:
		pal = &darkContrast
	case name == "high-contrast":
		pal = &lightContrast
	case wantDark:
		pal = &dark
	}
	s := pal.styles()
	if pal.brings || wantDark != isDark {
		s.Background, s.Foreground = lipgloss.Color(pal.bg), lipgloss.Color(pal.fg)
	}
	return s
}

// fore is a style with one of a palette's colours.
func fore(c string) lipgloss.Style { return lipgloss.NewStyle().Foreground(lipgloss.Color(c)) }

// plain are the styles that no theme changes.
func plain() Styles {
	st := lipgloss.NewStyle
	return Styles{
		Text: st(), Strong: st().Bold(true), Own: st().Bold(true), Current: st().Bold(true).Reverse(true), Selected: st().Reverse(true),
	}
}

func (p *palette) styles() Styles {
	s := plain()
	s.Dim, s.Accent, s.Rule, s.Code = fore(p.dim), fore(p.accent), fore(p.line), fore(p.code)
	s.Good, s.Warn, s.Bad = fore(p.good), fore(p.warn), fore(p.bad)
	s.Error, s.Unread, s.Mention = s.Bad.Bold(true), s.Warn.Bold(true), s.Warn.Bold(true)
	s.Bar = fore(p.barText).Background(lipgloss.Color(p.barBack))
	s.BarDim = fore(p.barDim).Background(lipgloss.Color(p.barBack))
	for _, a := range p.authors {
		s.authors = append(s.authors, fore(a))
	}
	return s
}

// sixteen uses the terminal's own colours, which whoever set them up can read.
func sixteen(isDark bool) Styles {
	s, faint := plain(), lipgloss.NewStyle().Faint(true)
	accent, good, warn, bad, code, authors := "4", "2", "5", "1", "6", []string{"1", "2", "4", "5", "6"}
	if isDark {
		accent, good, warn, bad, code, authors = "14", "10", "11", "9", "13", []string{"9", "10", "11", "12", "13", "14"}
	}
	s.Dim, s.Rule = faint, faint
	s.Accent, s.Code = fore(accent), fore(code)
	s.Good, s.Warn, s.Bad = fore(good), fore(warn), fore(bad)
	s.Error, s.Unread, s.Mention = s.Bad.Bold(true), s.Warn.Bold(true), s.Warn.Bold(true)
	s.Bar, s.BarDim = s.Selected, s.Selected
	for _, a := range authors {
		s.authors = append(s.authors, fore(a))
	}
	return s
}

// mono has no colours: weight, faintness and reverse video tell apart what words have said already.
func mono() Styles {
	s, faint, strong := plain(), lipgloss.NewStyle().Faint(true), lipgloss.NewStyle().Bold(true)
	s.Dim, s.Rule = faint, faint
	s.Accent, s.Warn, s.Bad, s.Error, s.Unread, s.Mention = strong, strong, strong, strong, strong, strong
	s.Bar, s.BarDim = s.Selected, s.Selected
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
	case "FAILOVER", "ELECTION", "CONNECTING", "SYNCING", "DRAINING":
		base = s.Warn
	}
	return base.Reverse(true).Bold(true)
}
