package ptytest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Shot is the screen at one moment of an Animation.
type Shot struct {
	w, h  int
	rows  []string      // the parts of the screen as SVG, each drawn at the top of the picture: len(parts) a row
	parts []int         // the columns at which a row is cut, with 0 and w
	For   time.Duration // how long it is shown
}

// Shot takes the screen. cuts are columns at which rows are cut: what scrolls on one side of a cut costs nothing on the other.
func (t *Terminal) Shot(th Theme, cuts ...int) Shot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Shot{w: t.em.Width(), h: t.em.Height()}
	s.parts = append(append([]int{0}, cuts...), s.w)
	for y := range s.h {
		for i := range len(s.parts) - 1 {
			var b strings.Builder
			t.row(&b, th, y, s.parts[i], s.parts[i+1], 0)
			s.rows = append(s.rows, b.String())
		}
	}
	return s
}

// Same reports whether two shots show the same.
func (s Shot) Same(o Shot) bool { return slices.Equal(s.rows, o.rows) }

// Animation is a picture that plays the shots over and over, without a script: a part of a row that was seen before is drawn
// from one definition, wherever it is, and has one animation that shows and hides it. All shots are of one size.
func Animation(th Theme, shots []Shot) string {
	var total time.Duration
	for _, s := range shots {
		total += s.For
	}
	first := shots[0]
	var b strings.Builder
	top := th.open(&b, first.w, first.h)

	ids := map[string]int{}
	b.WriteString("<defs>\n")
	for _, s := range shots {
		for _, r := range s.rows {
			if _, ok := ids[r]; !ok && r != "" {
				ids[r] = len(ids)
				fmt.Fprintf(&b, `<g id="r%d">%s</g>`+"\n", ids[r], strings.TrimSuffix(r, "\n"))
			}
		}
	}
	b.WriteString("</defs>\n")

	parts := len(first.parts) - 1
	for i := range first.rows {
		y := top + float64(i/parts)*cellH
		from, at := time.Duration(0), time.Duration(0)
		for k, s := range shots {
			at += s.For
			if k+1 < len(shots) && shots[k+1].rows[i] == s.rows[i] {
				continue
			}
			if s.rows[i] != "" {
				fmt.Fprintf(&b, `<use href="#r%d" y="%.1f"%s`, ids[s.rows[i]], y, during(from, at, total))
			}
			from = at
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// during is the end of an element that is seen from one moment to another.
func during(from, to, total time.Duration) string {
	if from == 0 && to == total {
		return "/>\n"
	}
	values, times := "hidden;visible;hidden", fmt.Sprintf("0;%.4f;%.4f", share(from, total), share(to, total))
	switch {
	case from == 0:
		values, times = "visible;hidden", fmt.Sprintf("0;%.4f", share(to, total))
	case to == total:
		values, times = "hidden;visible", fmt.Sprintf("0;%.4f", share(from, total))
	}
	return fmt.Sprintf(` visibility="hidden"><animate attributeName="visibility" values="%s" keyTimes="%s" dur="%.2fs" `+
		`calcMode="discrete" repeatCount="indefinite"/></use>`+"\n", values, times, total.Seconds())
}

func share(d, total time.Duration) float64 { return float64(d) / float64(total) }
