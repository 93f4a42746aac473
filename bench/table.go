package main

import (
	"fmt"
	"io"
	"strings"
)

// table is a Markdown table: the first column is text, the others are right-aligned.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	width := make([]int, len(t.head))
	for _, row := range append([][]string{t.head}, t.rows...) {
		for i, cell := range row {
			width[i] = max(width[i], len(cell))
		}
	}
	line := func(row []string) {
		for i, cell := range row {
			if i == 0 {
				fmt.Fprintf(w, "| %-*s |", width[i], cell)
			} else {
				fmt.Fprintf(w, " %*s |", width[i], cell)
			}
		}
		fmt.Fprintln(w)
	}
	line(t.head)
	fmt.Fprintf(w, "|%s|", strings.Repeat("-", width[0]+2))
	for _, n := range width[1:] {
		fmt.Fprintf(w, "%s:|", strings.Repeat("-", n+1))
	}
	fmt.Fprintln(w)
	for _, row := range t.rows {
		line(row)
	}
	fmt.Fprintln(w)
}

// number prints with as many decimals as the unit deserves.
func number(x float64, decimals int) string { return fmt.Sprintf("%.*f", decimals, x) }

// ratio prints x as a multiple of base.
func ratio(x, base float64) string {
	if base <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", x/base)
}
