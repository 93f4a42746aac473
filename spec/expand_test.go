package spec

import (
	"slices"
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	lookup := environ(map[string]string{"A": "1", "E": "", "D": "${A}$$", "LONG": strings.Repeat("x", maxExpandedValue)})
	for in, want := range map[string]string{
		"":                "",
		"abc":             "abc",
		"${A}":            "1",
		"x${A}y${A}z":     "x1y1z",
		"${E}":            "",
		"${NO}":           "",
		"${NO:-x}":        "x",
		"${E:-x}":         "x",
		"${E-x}":          "",
		"${NO-x}":         "x",
		"${A:-x}":         "1",
		"${A:?m}":         "1",
		"${E?m}":          "",
		"${NO:-}":         "",
		"${NO:-${A}}":     "1",
		"${NO:-a${A}b}c":  "a1bc",
		"${NO:-$$x}":      "$x",
		"${A:-${B:?m}}":   "1",
		"$$":              "$",
		"$${A}":           "${A}",
		"$$$$":            "$$",
		"$A $1 $":         "$A $1 $",
		"}":               "}",
		"{A}":             "{A}",
		"${D}":            "${A}$$",
		"${NO:-a b:-c?d}": "a b:-c?d",
	} {
		if got, _, err := Expand(in, lookup); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"${": "without its", "${A": "without its", "${}": "is none of", "${1}": "is none of", "${A:}": "is none of", "${A:+x}": "is none of", "${A%x}": "is none of", "${A b}": "is none of", "${A:-x": "without its",
		"${NO:?need it}": "${NO} is not set or empty: need it", "${E:?}": "${E} is not set or empty", "${NO?m}": "${NO} is not set: m", "${LONG}x": "longer than 1 MiB",
		strings.Repeat("${X:-", 9) + strings.Repeat("}", 9): "more than 8 deep",
	} {
		if got, _, err := Expand(in, lookup); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %.40q, %v, want an error with %q", in, got, err, want)
		}
	}
	if _, unset, _ := Expand("${X}${E}${Y:-z}${Z-}", lookup); !slices.Equal(unset, []string{"X"}) {
		t.Errorf("unset %v", unset)
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"${A:-${B-$$}}", "$", "${A:?m}", "$${", "${NO:-}}"} {
		f.Add(s)
	}
	lookup := environ(map[string]string{"A": "1"})
	f.Fuzz(func(t *testing.T, s string) {
		out, _, err := Expand(s, lookup)
		reference, syntax := HasReference(s)
		if syntax != nil && err == nil {
			t.Fatalf("expands to %q, and HasReference says %v", out, syntax)
		}
		if err == nil && !reference && !strings.Contains(s, "$$") && out != s {
			t.Fatalf("%q from %q, which has no reference", out, s)
		}
		escaped := strings.ReplaceAll(s, "$", "$$")
		if back, _, err := Expand(escaped, lookup); err != nil || back != s && len(s) <= maxExpandedValue {
			t.Fatalf("escaped and expanded, %q is %q, %v", s, back, err)
		}
	})
}
