package figure

// Bar is one system's figure. Colour chooses one of the style's five.
type Bar struct {
	Label  string
	Value  Spread
	Colour int
}

// Panel is bars that share a scale.
type Panel struct {
	Title string // with the unit, and which way is better
	Bars  []Bar
}

const (
	barsWidth  = 760.0
	labelWidth = 190.0
	valueWidth = 90.0
	barHeight  = 16.0
	barPitch   = 21.0
	panelGap   = 18.0
	titleSpace = 22.0
)

// Bars draws horizontal bars at the medians, with a line from the least to the greatest value of the rounds.
func Bars(title string, panels []Panel) string {
	var c canvas
	y := 4.0
	for _, p := range panels {
		y += 14
		c.text(0, y, "title", "start", p.Title)
		y += titleSpace - 14
		most := 0.0
		for _, b := range p.Bars {
			most = max(most, b.Value.Max)
		}
		if most == 0 {
			most = 1
		}
		scale := (barsWidth - labelWidth - valueWidth) / most
		for _, b := range p.Bars {
			c.text(labelWidth-8, y+barHeight-4, "", "end", b.Label)
			c.rect(labelWidth, y, b.Value.Median*scale, barHeight, class("c", b.Colour))
			end := b.Value.Median * scale
			if b.Value.N > 1 {
				c.line(labelWidth+b.Value.Min*scale, y+barHeight/2, labelWidth+b.Value.Max*scale, y+barHeight/2, "range")
				end = b.Value.Max * scale
			}
			c.text(labelWidth+end+6, y+barHeight-4, "small", "start", Number(b.Value.Median))
			y += barPitch
		}
		c.line(labelWidth, y-barPitch*float64(len(p.Bars))-2, labelWidth, y-barPitch+barHeight+2, "axis")
		y += panelGap
	}
	return c.document(barsWidth, y, title)
}

func class(kind string, i int) string { return kind + string(rune('0'+i%colours)) }
