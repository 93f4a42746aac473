package compile

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitWords(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"a b  c", []string{"a", "b", "c"}},
		{" a\t", []string{"a"}},
		{`a 'b c' "d e"f`, []string{"a", "b c", "d ef"}},
		{`a '' ""`, []string{"a", "", ""}},
		{`a\ b "\"\\\$\n"`, []string{"a b", `"\$$\n`}},
		{`a '${X}' "${Y}" ${Z:-1 2}`, []string{"a", "$${X}", "${Y}", "${Z:-1 2}"}},
		{`a ${X:-${Y:-b c}}d`, []string{"a", "${X:-${Y:-b c}}d"}},
		{"a $$b 5$ ", []string{"a", "$$b", "5$$"}},
		{"a '|&;<>*`' \\|", []string{"a", "|&;<>*`", "|"}},
		{"a b=c", []string{"a", "b=c"}},
	} {
		got, err := splitWords(c.in)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, %v, want %q", c.in, got, err, c.want)
		}
	}
	for in, want := range map[string]string{
		"": "is empty", "a | b": "shell:", "a && b": "shell:", "a; b": "shell:", "a > b": "shell:", "a *": "shell:", "a `b`": "shell:",
		"a $(b)": "shell:", "a $HOME": "write ${HOME}", `a "$HOME"`: "write ${HOME}", "a 'b": "not closed", `a "b`: "not closed", `a \`: "keeps nothing",
		"A=b c": "environment: {A: …}", "cd x": "shell:", "exec x": "shell:", "a\nb": "several lines", "a ${b": "without its",
	} {
		if got, err := splitWords(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want an error with %q", in, got, err, want)
		}
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{"a 'b c' \"d\\\"\" ${X:-y z}", `\`, "${", "a$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		words, err := splitWords(s)
		if err == nil && len(words) == 0 {
			t.Fatal("no word and no error")
		}
		if strings.Contains(strings.Join(words, ""), "|") && !strings.Contains(s, "|") {
			t.Fatalf("%q from %q", words, s)
		}
	})
}
