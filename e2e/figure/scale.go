package figure

import (
	"fmt"
	"math"
)

// axisSteps is about how many lines a value axis has.
const axisSteps = 4

// niceStep is 1, 2 or 5 times a power of ten.
func niceStep(most float64) float64 {
	raw := most / axisSteps
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if raw <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// Count writes a count as people say it: 10k, 1M.
func Count(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%gM", x/1e6)
	case x >= 1e3:
		return fmt.Sprintf("%gk", x/1e3)
	default:
		return fmt.Sprintf("%g", x)
	}
}
