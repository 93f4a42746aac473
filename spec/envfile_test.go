package spec

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseEnvFile(t *testing.T) {
	lookup := environ(map[string]string{"HOST": "h", "A": "outside"})
	for _, c := range []struct {
		name, in string
		want     []Variable
	}{
		{"empty", "", nil},
		{"blank and comments", "\n  \n# A=1\n   # B=2", nil},
		{"plain", "A=1\nB=two words", []Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "two words"}}},
		{"spaces", "  A = 1  \nB=\nC= \n", []Variable{{Name: "A", Value: "1"}, {Name: "B"}, {Name: "C"}}},
		{"export", "export A=1\nexport\tB=2\nexported=3", []Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}, {Name: "exported", Value: "3"}}},
		{"comment behind", "A=1 # one\nB=1#one\nC=#one", []Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "1#one"}, {Name: "C"}}},
		{"single quotes", `A='a # "b" \n ${HOST} '  # c`, []Variable{{Name: "A", Value: `a # "b" \n ${HOST} `}}},
		{"double quotes", `A="a # 'b' \"c\" \\ \t${HOST} \${HOST} \$$"  # c`, []Variable{{Name: "A", Value: "a # 'b' \"c\" \\ \th ${HOST} $$"}}},
		{"over lines", "A=\"a\nb\"\nB='c\nd'\nC=e", []Variable{{Name: "A", Value: "a\nb"}, {Name: "B", Value: "c\nd"}, {Name: "C", Value: "e"}}},
		{"CRLF and BOM", "\ufeffA=1\r\nB='2'\r\n", []Variable{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}}},
		{"references", "X=1\nA=${X}${HOST}${NO:-d}$$\nB=${A}", []Variable{{Name: "X", Value: "1"}, {Name: "A", Value: "1hd$"}, {Name: "B", Value: "1hd$"}}},
		{"twice", "A=1\nB=2\nA=3", []Variable{{Name: "A", Value: "3"}, {Name: "B", Value: "2"}}},
		{"equals", "A=b=c==", []Variable{{Name: "A", Value: "b=c=="}}},
		{"quote within", `A=it's`, []Variable{{Name: "A", Value: "it's"}}},
		{"dollar", "A=pa$word", []Variable{{Name: "A", Value: "pa$word"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseEnvFile([]byte(c.in), lookup)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
	if got, err := ParseEnvFile([]byte(`A=${X}`+"\n"+`B="\${X}$$"`), nil); err != nil || got[0].Value != "${X}" || got[1].Value != "${X}$$" {
		t.Errorf("without lookup: %q, %v", got, err)
	}
	for in, want := range map[string]string{
		"A=1\nGEHEIM": "line 2: there is no =", "=GEHEIM": "line 1: what is left of =", "A B=GEHEIM": "line 1: what is left of =", "A='GEHEIM": "line 1: A: its ' is not closed",
		"\nA=\"GEHEIM\n": "line 2: A: its \" is not closed", `A="GEHEIM\`: "not closed", `A="\xGEHEIM"`: "a \\ in it is none of", `A='b'GEHEIM`: "behind its closing quote",
		"A=GEHEIM${": "without its", "A=${GEHEIM%x}": "is none of ${VAR}", "A=\x00GEHEIM": "NUL", "A=${NO:?say}": "${NO} is not set or empty: say",
	} {
		if got, err := ParseEnvFile([]byte(in), lookup); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "GEHEIM") {
			t.Errorf("%q: got %q, %v, want an error with %q and no value", in, got, err, want)
		}
	}
	var bomb strings.Builder
	bomb.WriteString("A0=xxxxxxxxxx\n")
	for i := 1; i < 30; i++ {
		bomb.WriteString("A" + string(rune('A'+i)) + "=" + strings.Repeat("${A"+map[bool]string{true: "0", false: string(rune('A' + i - 1))}[i == 1]+"}", 10) + "\n")
	}
	if _, err := ParseEnvFile([]byte(bomb.String()), lookup); err == nil || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("a bomb: %v", err)
	}
}

func FuzzParseEnvFile(f *testing.F) {
	for _, s := range []string{"A=1\nexport B=\"x\\n\" # c\nC='d\ne'", "A=${A:-${B}}", "=", "A=\"\\"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := ParseEnvFile(data, environ(map[string]string{"A": "x"}))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, v := range all {
			if CheckVariableName(v.Name) != nil || seen[v.Name] || strings.Contains(v.Value, "\x00") {
				t.Fatalf("%q", v)
			}
			seen[v.Name] = true
		}
	})
}
