package figure

import (
	"math"
	"slices"
)

// Point is one measurement of a series.
type Point struct{ X, Y float64 }

// Series is points that are joined, in the order of X.
type Series struct {
	Name   string
	Points []Point
}

// Chart is series over one logarithmic X axis and a linear Y axis that begins at zero.
type Chart struct {
	Title, X string
	Series   []Series
}

const (
	chartWidth, chartHeight = 370.0, 230.0
	chartLeft, chartRight   = 52.0, 14.0
	chartTop, chartBottom   = 44.0, 40.0
	chartsAcross            = 2
)

// Lines draws charts, two beside each other.
func Lines(title string, charts []Chart) string {
	var c canvas
	for i, ch := range charts {
		ch.draw(&c, float64(i%chartsAcross)*chartWidth, float64(i/chartsAcross)*chartHeight)
	}
	rows := (len(charts) + chartsAcross - 1) / chartsAcross
	return c.document(chartsAcross*chartWidth, float64(rows)*chartHeight, title)
}

func (ch Chart) draw(c *canvas, x0, y0 float64) {
	left, right := x0+chartLeft, x0+chartWidth-chartRight
	top, bottom := y0+chartTop, y0+chartHeight-chartBottom
	c.text(x0+4, y0+14, "title", "start", ch.Title)
	xs, most := ch.extent()
	if len(xs) == 0 {
		c.text((left+right)/2, (top+bottom)/2, "small", "middle", "not measured")
		return
	}
	step := niceStep(most)
	ceiling := math.Ceil(most/step) * step
	low, high := math.Log10(xs[0]), math.Log10(xs[len(xs)-1])
	px := func(x float64) float64 {
		if high == low {
			return (left + right) / 2
		}
		return left + 8 + (math.Log10(x)-low)/(high-low)*(right-left-16)
	}
	py := func(y float64) float64 { return bottom - y/ceiling*(bottom-top) }
	for y := 0.0; y <= ceiling+step/2; y += step {
		c.line(left, py(y), right, py(y), "grid")
		c.text(left-5, py(y)+4, "small", "end", Number(y))
	}
	c.line(left, bottom, right, bottom, "axis")
	for _, x := range xs {
		c.text(px(x), bottom+15, "small", "middle", Count(x))
	}
	c.text((left+right)/2, bottom+31, "small", "middle", ch.X)
	at := left
	for i, s := range ch.Series {
		if len(s.Points) == 0 {
			continue
		}
		if len(ch.Series) > 1 {
			c.dot(at+4, y0+27, class("p", i))
			c.text(at+12, y0+31, "small", "start", s.Name)
			at += 20 + 6.2*float64(len([]rune(s.Name)))
		}
		var line [][2]float64
		for _, p := range s.Points {
			line = append(line, [2]float64{px(p.X), py(p.Y)})
		}
		c.polyline(line, "line "+class("s", i))
		for _, p := range line {
			c.dot(p[0], p[1], class("p", i))
		}
	}
}

// extent is every X that occurs, ascending, and the greatest Y.
func (ch Chart) extent() (xs []float64, most float64) {
	seen := map[float64]bool{}
	for _, s := range ch.Series {
		for _, p := range s.Points {
			if !seen[p.X] && p.X > 0 {
				seen[p.X] = true
				xs = append(xs, p.X)
			}
			most = max(most, p.Y)
		}
	}
	slices.Sort(xs)
	if most == 0 {
		most = 1
	}
	return xs, most
}
