package figure

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Spread is what several rounds gave for one figure.
type Spread struct {
	Min, Median, Max float64
	N                int
}

// NewSpread of no values has N 0, and the mean of the middle two is the median of an even number.
func NewSpread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return Spread{Min: v[0], Median: (v[(n-1)/2] + v[n/2]) / 2, Max: v[n-1], N: n}
}

// String is a table's cell: the median, and the range when there was more than one round.
func (s Spread) String() string {
	switch s.N {
	case 0:
		return "–"
	case 1:
		return Number(s.Median)
	default:
		return fmt.Sprintf("**%s** (%s–%s)", Number(s.Median), Number(s.Min), Number(s.Max))
	}
}

// Number has three significant digits, and commas between thousands.
func Number(f float64) string {
	if f < 0 {
		return "-" + Number(-f)
	}
	switch {
	case f == 0:
		return "0"
	case f < 1:
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(f, 'f', 3, 64), "0"), ".")
	case f < 10:
		return strconv.FormatFloat(f, 'f', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	s := strconv.FormatFloat(f, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
