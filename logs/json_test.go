package logs

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func sample(line string) *Line {
	return &Line{At: time.Date(2026, 11, 21, 8, 0, 0, 1e8, time.UTC), App: "web", Slot: 1, Worker: "web/1", Stream: Stderr, Line: []byte(line)}
}

func asJSON(l *Line) []byte { return appendJSON(nil, appendFields(nil, l, 0), l) }

func TestJSON(t *testing.T) {
	const ours = `"at":"2026-11-21T08:00:00.1Z","app":"web","slot":1,"worker":"web/1","stream":"stderr"`
	text := func(line string) string { return "{" + ours + `,"line":` + line + `,"partial":false}` }
	for _, c := range []struct{ line, want string }{
		{`hello`, text(`"hello"`)},
		{``, text(`""`)},
		{"tab\t \"quoted\" \\ \x1b[0m \x7f", text(`"tab\t \"quoted\" \\ \u001b[0m ` + "\x7f" + `"`)},
		{"\u00e4\u20ac\U0001f600", text("\"\u00e4\u20ac\U0001f600\"")},
		{"bad \xff\xc3 utf8 \xc3", text(`"bad \ufffd\ufffd utf8 \ufffd"`)},
		{`{"level":"info","n":1.50}`, "{" + ours + `,"level":"info","n":1.50}`},
		{"  {\"a\" : {\"app\":1, \"b\":[\"app\"]} } \r", "{" + ours + `,"a" : {"app":1, "b":["app"]} }`},
		{`{}`, "{" + ours + `}`},
		{`{ }`, "{" + ours + ` }`},
		{`[1]`, text(`"[1]"`)},
		{`{"a":1`, text(`"{\"a\":1"`)},
		{`{"a":1} {"b":2}`, text(`"{\"a\":1} {\"b\":2}"`)},
		// Its own field stays, ours has another name: neither is lost, and no name comes twice.
		{`{"app":"mine","msg":"x"}`, `{"at":"2026-11-21T08:00:00.1Z","goinit_app":"web","slot":1,"worker":"web/1","stream":"stderr","app":"mine","msg":"x"}`},
		{`{"\u0061pp":"mine"}`, `{"at":"2026-11-21T08:00:00.1Z","goinit_app":"web","slot":1,"worker":"web/1","stream":"stderr","\u0061pp":"mine"}`},
		{`{"msg":"app","x":"\"app\":"}`, "{" + ours + `,"msg":"app","x":"\"app\":"}`},
		// It cannot pass for another.
		{`{"goinit_app":"db"}`, text(`"{\"goinit_app\":\"db\"}"`)},
		{"{\"a\":\"\xff\"}", text(`"{\"a\":\"\ufffd\"}"`)},
	} {
		got := string(asJSON(sample(c.line)))
		if got != c.want+"\n" {
			t.Errorf("%q:\n got %s want %s", c.line, got, c.want)
		}
	}
	piece := sample(`{}`)
	piece.Partial = true
	if got := string(asJSON(piece)); !strings.HasSuffix(got, `"line":"{}","partial":true}`+"\n") {
		t.Errorf("a piece: %s", got)
	}
}

// FuzzJSON: whatever a worker writes, its line is one valid object on one line, which says whose it is, once; and what
// was an object keeps its own.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"", "x", `{"app":1}`, `{"a":{"b":"}"}}`, `{"a":"\\"}`, `{"goinit_at":1}`, "{\"a\":\"\xff\"}", ` {} `, `{"\u0061pp":"\""}`, "\u2028"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		out := asJSON(sample(string(line)))
		if len(out) > 6*len(line)+400 {
			t.Errorf("%d bytes became %d", len(line), len(out))
		}
		if bytes.IndexByte(out, '\n') != len(out)-1 || !utf8.Valid(out) {
			t.Fatalf("not a line: %q", out)
		}
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q became %q: %v", line, out, err)
		}
		if got["app"] != "web" && got["goinit_app"] != "web" || got["worker"] != "web/1" && got["goinit_worker"] != "web/1" {
			t.Fatalf("whose is %q?", out)
		}
		var own map[string]any
		if !utf8.Valid(line) || json.Unmarshal(line, &own) != nil || own == nil {
			if utf8.Valid(line) && got["line"] != string(line) {
				t.Fatalf("%q became %q", line, out)
			}
			return
		}
		if _, text := got["partial"]; text && got["line"] == string(line) {
			return // it has names that are reserved
		}
		for k, v := range own {
			if !reflect.DeepEqual(got[k], v) {
				t.Fatalf("%q became %q: %s", line, out, k)
			}
		}
	})
}
