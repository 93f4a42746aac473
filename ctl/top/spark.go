package top

import "strings"

// spark draws samples as a graph of so many cells, the newest at the right, up to the largest of them or floor, whichever is
// more. With Unicode it is in Braille, two samples a cell: unlike blocks, these have one width in every terminal. Else each cell
// is a letter, the darker the more.
func spark(s *samples, cells int, floor float64, unicode bool) string {
	if unicode {
		return braille(s.last(2*cells), cells, floor)
	}
	return letters(s.last(cells), cells, floor)
}

// braille has dots from below: of the left column 7, 3, 2, 1, of the right one 8, 6, 5, 4 (U+2800, Unicode 16, 21.1).
func braille(values []float32, cells int, floor float64) string {
	left, right := [5]rune{0, 0x40, 0x44, 0x46, 0x47}, [5]rune{0, 0x80, 0xa0, 0xb0, 0xb8}
	top := highest(values, floor)
	pad := 2*cells - len(values)
	var b strings.Builder
	for cell := range cells {
		r := rune(0x2800)
		for side, dots := range [2]*[5]rune{&left, &right} {
			if i := 2*cell + side - pad; i >= 0 {
				r |= dots[level(values[i], top, 4)]
			}
		}
		if r == 0x2800 {
			r = ' ' // which no font lacks
		}
		b.WriteRune(r)
	}
	return b.String()
}

func letters(values []float32, cells int, floor float64) string {
	const ramp = " .:-=+*#"
	top := highest(values, floor)
	b := []byte(strings.Repeat(" ", cells))
	for i, v := range values {
		b[cells-len(values)+i] = ramp[level(v, top, len(ramp)-1)]
	}
	return string(b)
}

func highest(values []float32, floor float64) float64 {
	for _, v := range values {
		floor = max(floor, float64(v))
	}
	return floor
}

// level is 0 for nothing, and 1 at least for anything.
func level(v float32, top float64, most int) int {
	if v <= 0 || top <= 0 {
		return 0
	}
	return min(most, 1+int(float64(v)/top*float64(most)*0.999))
}
