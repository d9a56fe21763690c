package styles

import (
	"image/color"
	"math"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"
)

// luminance and contrast are WCAG 2.1's.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	lin := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

func contrast(a, b color.Color) float64 {
	la, lb := luminance(a), luminance(b)
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

// Every author can be read on the backgrounds that people use.
func TestAuthorContrast(t *testing.T) {
	for _, set := range []struct {
		names, backgrounds []string
	}{
		{darkAuthors, []string{"#000000", "#1e1e1e", "#282a36", "#002b36"}},
		{lightAuthors, []string{"#ffffff", "#fafafa", "#fdf6e3"}},
	} {
		for _, fg := range set.names {
			for _, bg := range set.backgrounds {
				if got := contrast(lipgloss.Color(fg), lipgloss.Color(bg)); got < 4.5 {
					t.Errorf("%s on %s has a contrast of %.2f, want 4.5", fg, bg, got)
				}
			}
		}
	}
}

// A name keeps its colour, and the colours are used evenly enough to tell people apart.
func TestAuthorIsStable(t *testing.T) {
	s := New(true, colorprofile.TrueColor)
	seen := map[string]bool{}
	for _, n := range []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"} {
		if s.Author(n).Render(n) != New(true, colorprofile.TrueColor).Author(n).Render(n) {
			t.Errorf("%s changed colour", n)
		}
		seen[s.Author(n).Render("x")] = true
	}
	if len(seen) < 4 {
		t.Errorf("eight people share %d colours", len(seen))
	}
}

// With sixteen colours the theme stays inside the terminal's own palette.
func TestFewColours(t *testing.T) {
	s := New(true, colorprofile.ANSI)
	for _, a := range s.authors {
		if _, ok := a.GetForeground().(lipgloss.RGBColor); ok {
			t.Errorf("author colour %v is not of the palette", a.GetForeground())
		}
	}
	if !s.Bar.GetReverse() {
		t.Error("the status bar's background is lost")
	}
}
