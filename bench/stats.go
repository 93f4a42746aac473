package main

import (
	"math"
	"math/rand/v2"
	"slices"
)

// percentile is the smallest value that a share p (0 to 1) of the values does not exceed; NaN of none.
func percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	i := int(math.Ceil(p*float64(len(sorted)))) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func median(values []float64) float64 { return percentile(values, 0.5) }

func minimum(values []float64) float64 { return percentile(values, 0) }

// differences are a[i]-b[i]: of measurements of the same round, so that what the machine did then cancels out.
func differences(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// inTurns runs do for each of n peers in each round, in a new random order.
func inTurns(rounds, n int, do func(i int) error) error {
	for range rounds {
		for _, i := range rand.Perm(n) {
			if err := do(i); err != nil {
				return err
			}
		}
	}
	return nil
}
