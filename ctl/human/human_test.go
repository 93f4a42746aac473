package human

import (
	"testing"
	"time"
	"unicode/utf8"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 80 * time.Millisecond: "80ms", 3 * time.Second: "3s", 119 * time.Second: "119s",
		3 * time.Minute: "3m", 119 * time.Minute: "119m", 5 * time.Hour: "5h", 50 * time.Hour: "2d",
	} {
		if got := Span(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

func TestHarmless(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext":                            "plain\ttext",
		"é 漢 🙂":                                  "é 漢 🙂",
		"\x1b[31mred\x1b[0m":                     "red",
		"\x1b[38;2;1;2;3mtrue\x1b[m color":       "true color",
		"\x1b[2J\x1b[H":                          "^[[2J^[[H",
		"\x1b]52;c;aGk=\x07":                     "^[]52;c;aGk=^G",
		"over\rwrite":                            "over^Mwrite",
		"dos\r":                                  "dos",
		"\x9b31m":                                `\x9b31m`,
		"\u009b31m":                              `\u009b31m`,
		"\xff\xfe":                               `\xff\xfe`,
		"\x00\x08\x7f":                           "^@^H^?",
		"admin\u202e // nimda":                   `admin\u202e // nimda`,
		"\x1b[31":                                "^[[31",
		"\x1b[31;\x1b[1mA":                       "^[[31;A",
		string([]byte{0xe2, 0x82}) + "cut short": `\xe2\x82cut short`,
	} {
		if got := string(AppendHarmless(nil, []byte(in))); got != want {
			t.Errorf("%q: %q, wanted %q", in, got, want)
		}
	}
}

func FuzzHarmless(f *testing.F) {
	f.Add([]byte("\x1b[31mred\x1b]0;t\x07\xff\u202e\r"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := AppendHarmless(nil, b)
		if !utf8.Valid(got) {
			t.Errorf("%q: %q", b, got)
		}
		for _, r := range string(got) {
			if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || Turns(r) {
				t.Errorf("%q: %q", b, got)
			}
		}
	})
}

// What stands in a table has the width that it seems to have.
func TestPrintable(t *testing.T) {
	if got := Printable("a\tb\x1b[2J\n漢\u202e\u009b\x7f"); got != "a b·[2J·漢···" {
		t.Errorf("%q", got)
	}
}
