package figure

import (
	"fmt"
	"html"
	"strings"
)

// style has the colours of both schemes. Systems and series are told apart by colour and by the text beside them.
const style = `<style>
text{font:12px system-ui,sans-serif;fill:#1f2328}
.title{font-size:13px;font-weight:600}.small{font-size:11px;fill:#59636e}
.axis{stroke:#8c959f;stroke-width:1}.grid{stroke:#d1d9e0;stroke-width:1}.range{stroke:#1f2328;stroke-width:1.5}
.c0{fill:#0969da}.c1{fill:#54aeff}.c2{fill:#9a6700}.c3{fill:#1a7f37}.c4{fill:#8250df}
.s0{stroke:#0969da}.s1{stroke:#bc4c00}.s2{stroke:#1a7f37}.s3{stroke:#8250df}.s4{stroke:#9a6700}.line{fill:none;stroke-width:2}
.p0{fill:#0969da}.p1{fill:#bc4c00}.p2{fill:#1a7f37}.p3{fill:#8250df}.p4{fill:#9a6700}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.small{fill:#9198a1}.axis{stroke:#656c76}.grid{stroke:#3d444d}.range{stroke:#f0f6fc}
.c0{fill:#4493f8}.c1{fill:#79c0ff}.c2{fill:#d29922}.c3{fill:#3fb950}.c4{fill:#ab7df8}
.s0{stroke:#4493f8}.s1{stroke:#f0883e}.s2{stroke:#3fb950}.s3{stroke:#ab7df8}.s4{stroke:#d29922}
.p0{fill:#4493f8}.p1{fill:#f0883e}.p2{fill:#3fb950}.p3{fill:#ab7df8}.p4{fill:#d29922}}
</style>
`

// colours is how many classes of each kind the style has.
const colours = 5

// canvas collects the elements of one picture.
type canvas struct{ strings.Builder }

func (c *canvas) text(x, y float64, class, anchor, s string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, html.EscapeString(s))
}

func (c *canvas) rect(x, y, w, h float64, class string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s"/>`+"\n", x, y, w, h, class)
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`+"\n", x1, y1, x2, y2, class)
}

func (c *canvas) dot(x, y float64, class string) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="3.5" class="%s"/>`+"\n", x, y, class)
}

func (c *canvas) polyline(points [][2]float64, class string) {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", p[0], p[1])
	}
	fmt.Fprintf(c, `<polyline points="%s" class="%s"/>`+"\n", strings.TrimSpace(b.String()), class)
}

// document is the whole file; the title is what a screen reader says.
func (c *canvas) document(width, height float64, title string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" role="img">`+"\n<title>%s</title>\n%s%s</svg>\n",
		width, height, html.EscapeString(title), style, c.String())
}
