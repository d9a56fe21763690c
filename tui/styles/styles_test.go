package styles

import (
	"image/color"
	"math"
	"slices"
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

// Everything that is read has the contrast that its theme promises, on the backgrounds that people use.
func TestContrast(t *testing.T) {
	for name, p := range map[string]palette{"dark": dark, "light": light, "dark contrast": darkContrast, "light contrast": lightContrast} {
		colours := map[string]string{"text": p.fg, "dim": p.dim, "accent": p.accent, "good": p.good, "warn": p.warn, "bad": p.bad, "code": p.code}
		for _, a := range p.authors {
			colours[a] = a
		}
		for what, fg := range colours {
			for _, bg := range append([]string{p.bg}, p.backgrounds...) {
				if got := contrast(lipgloss.Color(fg), lipgloss.Color(bg)); got < p.contrast {
					t.Errorf("%s: %s %s on %s has a contrast of %.2f, want %.1f", name, what, fg, bg, got, p.contrast)
				}
			}
		}
		for what, fg := range map[string]string{"the bar's text": p.barText, "the bar's hint": p.barDim} {
			if got := contrast(lipgloss.Color(fg), lipgloss.Color(p.barBack)); got < p.contrast {
				t.Errorf("%s: %s has a contrast of %.2f, want %.1f", name, what, got, p.contrast)
			}
		}
	}
}

// Each name is a theme; what is not made for the terminal's background brings its own, and nothing has a colour without colours.
func TestNamedThemes(t *testing.T) {
	for _, name := range append(slices.Clone(Themes), "no such theme") {
		for _, isDark := range []bool{true, false} {
			s := Named(name, isDark, colorprofile.TrueColor)
			brings := name == "high-contrast" || name == "dark" && !isDark || name == "light" && isDark
			if got := s.Background != nil && s.Foreground != nil; got != brings {
				t.Errorf("%s on a terminal with dark=%v brings its background: %v", name, isDark, got)
			}
			m := Named(name, isDark, colorprofile.ASCII)
			for _, st := range []lipgloss.Style{m.Dim, m.Warn, m.Bar, m.Author("bob"), m.Mention} {
				if _, none := st.GetForeground().(lipgloss.NoColor); !none || m.Background != nil {
					t.Errorf("%s has a colour where there are none", name)
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
