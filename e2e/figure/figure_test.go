package figure

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestSpreadOfRounds(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		want   string
	}{
		{nil, "–"},
		{[]float64{1234.4}, "1,234"},
		{[]float64{3, 1, 2}, "**2.00** (1.00–3.00)"},
		{[]float64{4, 1, 2, 3}, "**2.50** (1.00–4.00)"},
		{[]float64{1234567, 0.05, 12.34}, "**12.3** (0.05–1,234,567)"},
	} {
		if got := NewSpread(tc.values).String(); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.values, got, tc.want)
		}
	}
}

func TestOnlyWhatIsBetweenTheMarkersIsReplaced(t *testing.T) {
	const text = "before\n<!-- a: begin (task x) -->\nold\n<!-- a: end -->\nafter\n"
	got, err := between(text, "a", "new\n\n")
	if err != nil || got != strings.Replace(text, "old", "new", 1) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", "<!-- a: end -->\n<!-- a: begin -->\n", "<!-- a: begin -->"} {
		if _, err := between(bad, "a", "new"); err == nil {
			t.Errorf("%q has no place for it, and no error came", bad)
		}
	}
}

// wellFormed fails the test unless the picture is XML and has nothing that is not a number.
func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Fatalf("a coordinate that is no number in\n%s", svg)
	}
}

func TestPicturesAreWellFormed(t *testing.T) {
	wellFormed(t, Bars("a < b", []Panel{
		{Title: "ops/s & more", Bars: []Bar{{"one", NewSpread([]float64{1, 2, 3}), 0}, {"nothing", Spread{}, 7}}},
		{Title: "all zero", Bars: []Bar{{"zero", NewSpread([]float64{0}), 1}}},
	}))
	wellFormed(t, Lines("growth", []Chart{
		{Title: "cost", X: "messages", Series: []Series{
			{"sends", []Point{{1e4, 80}, {1e6, 90}, {1e7, 120}}}, {"reads", []Point{{1e4, 30}}}, {"none", nil}}},
		{Title: "one point", X: "nodes", Series: []Series{{"x", []Point{{3, 0}}}}},
		{Title: "nothing", X: "users"},
	}))
}

func TestAnAxisHasRoundSteps(t *testing.T) {
	for most, want := range map[float64]float64{1: 0.5, 7: 2, 120: 50, 4000: 1000, 0.03: 0.01} {
		if got := niceStep(most); got < want*0.999 || got > want*1.001 {
			t.Errorf("up to %v: got steps of %v, want %v", most, got, want)
		}
	}
}
