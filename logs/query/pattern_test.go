package query

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// A Pattern tells of each line what package regexp tells of it.
func checkPattern(t *testing.T, expression string, fold bool, text []byte) {
	t.Helper()
	source := expression
	if fold {
		source = "(?i)" + expression
	}
	re, err := regexp.Compile(source)
	p, err2 := Compile(expression, fold)
	if err != nil || err2 != nil {
		if fold {
			_, err = regexp.Compile(expression) // "(?i)" may be what makes it too long
		}
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%q: %v, and %v", expression, err, err2)
		}
		return
	}
	var got, want []int
	offset := 0
	for line := range bytes.Lines(text) {
		if re.Match(bytes.TrimSuffix(line, []byte("\n"))) {
			want = append(want, offset)
		}
		if p.Match(bytes.TrimSuffix(line, []byte("\n"))) != re.Match(bytes.TrimSuffix(line, []byte("\n"))) {
			t.Errorf("%q: the line %q: not what regexp says", expression, line)
		}
		offset += len(line)
	}
	for at := 0; at < len(text); {
		i := p.find(text[at:])
		if i < 0 {
			break
		}
		begin := at + bytes.LastIndexByte(text[at:at+i], '\n') + 1
		got = append(got, begin)
		if n := bytes.IndexByte(text[at+i:], '\n'); n >= 0 {
			at += i + n + 1
		} else {
			at = len(text)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q in %q: lines at %v, wanted %v", expression, text, got, want)
	}
}

var patternSeeds = []string{
	"a", "GET", "", "^", "$", "^$", "a|b", "^GET", "foo$", `\bfoo\b`, `\Bo`, "[0-9]{3}", "x*", "(a|b)*c", `\d+ms`, "é", "[^a]", ".", "..", `\x00`, "a{2,4}b",
	`\Aa`, `a\z`, "(?m)^a$", "(?s)a.b", `a\nb`, `\n`, "(?i)straße", "ſ", "\uFFFD", `[\x80-\xff]`, "error.*timeout", "(foo|bar)baz+", "(?U)a+", `^\s*$`, "a?", "(a|ab)(c|bcd)(d*)", "k",
}

func TestPattern(t *testing.T) {
	text := []byte("GET /foo 200 12ms\n\nfoo\nfoobar\nx foo y\nerror: a timeout\nabc abab é STRASSE ſk \u212a\n\x00\xff\xfe bad \xc3\n   \na\nb\nabcd\nbarbazz\nno end a")
	for _, expression := range patternSeeds {
		for _, fold := range []bool{false, true} {
			checkPattern(t, expression, fold, text)
			checkPattern(t, expression, fold, append(text, '\n'))
			checkPattern(t, expression, fold, nil)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range patternSeeds {
		f.Add(s, false, []byte("GET foo\n\nabab\xff é\n a b"))
	}
	f.Fuzz(func(t *testing.T, expression string, fold bool, text []byte) {
		if len(expression) < 100 && len(text) < 4096 {
			checkPattern(t, expression, fold, text)
		}
	})
}

// An expression with more states than are kept is right all the same.
func TestPatternForgets(t *testing.T) {
	p := mustCompile(t, "[ab]*a[ab]{14}c", false)
	re := regexp.MustCompile("[ab]*a[ab]{14}c")
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "%s%c\n", strings.NewReplacer("0", "a", "1", "b").Replace(fmt.Sprintf("%024b", i*7919)), 'c'+rune(i%2))
	}
	lines := []byte(text.String())
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if p.Match(line) != re.Match(line) {
			t.Fatalf("%q", line)
		}
	}
	if len(p.dfa.byKey) > maxStates {
		t.Errorf("%d states", len(p.dfa.byKey))
	}
}
