package ptytest

import (
	"fmt"
	"html"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// The picture's geometry, in pixels. A cell is as wide as JetBrains Mono's at this size.
const (
	cellW, cellH = 8.4, 18.0
	fontSize     = 14
	padding      = 14.0
	baseline     = 13.5
)

// Theme is the palette of a picture.
type Theme struct {
	Background, Foreground color.Color
	Palette                [16]color.Color
	Title                  string // shown in a title bar; none without
}

func hex(s string) color.Color {
	var r, g, b uint8
	if _, err := fmt.Sscanf(s, "#%02x%02x%02x", &r, &g, &b); err != nil {
		panic("a colour of a theme is broken: " + s)
	}
	return color.RGBA{r, g, b, 0xff}
}

func palette(names ...string) (p [16]color.Color) {
	for i, n := range names {
		p[i] = hex(n)
	}
	return p
}

// Dark and Light are the palettes of the pictures.
func Dark() Theme {
	return Theme{Background: hex("#16181d"), Foreground: hex("#d8dbe2"), Palette: palette(
		"#2a2d35", "#e06c75", "#7fc98a", "#e0b566", "#6ea8e8", "#c08be0", "#5fc3cf", "#c6cad3",
		"#5c6370", "#ff8088", "#98e0a2", "#ffd480", "#8fc1ff", "#d9a7f5", "#7fe0ec", "#ffffff")}
}

// Light is for pages with a light background.
func Light() Theme {
	return Theme{Background: hex("#fcfcfa"), Foreground: hex("#24262b"), Palette: palette(
		"#24262b", "#b3261e", "#2b7a3d", "#8a6100", "#1f5fb8", "#7b3fb0", "#0b7285", "#c8cbd2",
		"#6b7078", "#d0342c", "#2f8f47", "#a87400", "#2f74d0", "#9450cc", "#0f8ba0", "#f4f4f2")}
}

// SVG draws the screen. The cursor is not in it.
func (t *Terminal) SVG(th Theme) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, h := t.em.Width(), t.em.Height()
	var b strings.Builder
	top := th.open(&b, w, h)
	for y := range h {
		t.row(&b, th, y, 0, w, top+float64(y)*cellH)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// open begins a picture of w columns and h rows, and returns where the first row is.
func (th Theme) open(b *strings.Builder, w, h int) (top float64) {
	top = padding
	if th.Title != "" {
		top += 24
	}
	width, height := float64(w)*cellW+2*padding, float64(h)*cellH+top+padding
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.1f %.1f" width="%.1f" height="%.1f" `+
		`font-family="'JetBrains Mono','DejaVu Sans Mono',Menlo,Consolas,'WenQuanYi Zen Hei Mono',monospace" font-size="%d">`+"\n",
		width, height, width, height, fontSize)
	fmt.Fprintf(b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", rgb(th.Background))
	if th.Title != "" {
		for i, c := range []int{1, 3, 2} {
			fmt.Fprintf(b, `<circle cx="%d" cy="18" r="5.5" fill="%s"/>`+"\n", 20+i*18, rgb(th.Palette[c]))
		}
		fmt.Fprintf(b, `<text x="%.1f" y="22" text-anchor="middle" fill="%s">%s</text>`+"\n", width/2, rgb(th.Palette[8]),
			html.EscapeString(th.Title))
	}
	return top
}

// row draws one row: backgrounds first, in runs, then the text. An element holds one word of ASCII in one style; every other
// cell has its own, because only its own x puts it into its column when the font is another one than expected.
func (t *Terminal) row(b *strings.Builder, th Theme, y, from, end int, top float64) {
	var words []word
	bgFrom, bg := from, ""
	flush := func(to int) {
		if bg != "" && to > bgFrom {
			rect(b, padding+float64(bgFrom)*cellW, top, float64(to-bgFrom)*cellW+0.2, cellH+0.2, bg)
		}
		bgFrom = to
	}
	joins := false
	for x := from; x < end; {
		c := t.em.CellAt(x, y)
		wide, content, style := 1, "", th.style(nil)
		if c != nil {
			wide, content, style = max(1, c.Width), c.Content, th.style(&c.Style)
		}
		if style.bg != bg {
			flush(x)
			bg = style.bg
		}
		style.bg = ""
		blank := strings.TrimSpace(content) == "" && style.line == ""
		ascii := len(content) == 1
		switch {
		case blank:
		case joins && ascii && words[len(words)-1].style == style:
			words[len(words)-1].text += content
		default:
			words = append(words, word{x, style, content})
		}
		joins = !blank && ascii
		x += wide
	}
	flush(end)
	for _, wd := range words {
		x := padding + float64(wd.x)*cellW
		switch wd.text { // lines must meet their neighbours, whatever the font thinks
		case "─":
			rect(b, x, top+cellH/2-0.5, cellW+0.2, 1, wd.style.fg)
		case "│":
			rect(b, x+cellW/2-0.5, top, 1, cellH+0.2, wd.style.fg)
		default:
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s"%s xml:space="preserve">%s</text>`+"\n",
				x, top+baseline, wd.style.fg, wd.style.attributes(), html.EscapeString(wd.text))
		}
	}
}

// word is text that begins at a column.
type word struct {
	x     int
	style cellStyle
	text  string
}

func rect(b *strings.Builder, x, y, w, h float64, fill string) {
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, w, h, fill)
}

// cellStyle is a cell's style in SVG's words.
type cellStyle struct {
	fg, bg            string
	bold, italic, dim bool
	line              string
}

func (s cellStyle) attributes() string {
	out := ""
	if s.bold {
		out += ` font-weight="bold"`
	}
	if s.italic {
		out += ` font-style="italic"`
	}
	if s.dim {
		out += ` fill-opacity="0.6"`
	}
	if s.line != "" {
		out += ` text-decoration="` + s.line + `"`
	}
	return out
}

func (th Theme) style(s *uv.Style) cellStyle {
	out := cellStyle{fg: rgb(th.Foreground)}
	if s == nil {
		return out
	}
	fg, bg := th.Foreground, color.Color(nil)
	if s.Fg != nil {
		fg = th.resolve(s.Fg)
	}
	if s.Bg != nil {
		bg = th.resolve(s.Bg)
	}
	if s.Attrs&uv.AttrReverse != 0 {
		if bg == nil {
			bg = th.Background
		}
		fg, bg = bg, fg
	}
	out.fg = rgb(fg)
	if bg != nil {
		out.bg = rgb(bg)
	}
	out.bold = s.Attrs&uv.AttrBold != 0
	out.italic = s.Attrs&uv.AttrItalic != 0
	out.dim = s.Attrs&uv.AttrFaint != 0
	if s.Underline != 0 {
		out.line = "underline"
	}
	if s.Attrs&uv.AttrStrikethrough != 0 {
		out.line = "line-through"
	}
	return out
}

// resolve takes the sixteen named colours from the theme; the others are what they are.
func (th Theme) resolve(c color.Color) color.Color {
	switch c := c.(type) {
	case ansi.BasicColor:
		return th.Palette[c&15]
	case ansi.IndexedColor:
		if c < 16 {
			return th.Palette[c]
		}
	}
	return c
}

func rgb(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
