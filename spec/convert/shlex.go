package convert

import (
	"fmt"
	"strings"
)

// keyValues reads A=b,C="d,e" as supervisor does: by Python's shlex without POSIX rules.
func keyValues(s string) (all [][2]string, err error) {
	tokens, err := shlexTokens(s)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(tokens); i += 4 {
		if i+2 >= len(tokens) || tokens[i+1] != "=" {
			return nil, fmt.Errorf("NAME=VALUE is wanted at %s", clip(strings.Join(tokens[i:], " ")))
		}
		all = append(all, [2]string{tokens[i], strings.Trim(tokens[i+2], `'"`)})
	}
	return all, nil
}

// shlexTokens are the tokens of shlex.shlex with wordchars += '/.+-():'.
func shlexTokens(s string) (all []string, err error) {
	isWord := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 ||
			strings.IndexByte("_/.+-():"+string(envOpen)+string(envClose)+string(slotOpen)+string(slotEnds), c) >= 0
	}
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '#':
			if n := strings.IndexByte(s[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(s)
			}
		case c == '"' || c == '\'':
			n := strings.IndexByte(s[i+1:], c)
			if n < 0 {
				return nil, fmt.Errorf("a %c is not closed", c)
			}
			all = append(all, s[i:i+n+2])
			i += n + 2
		case isWord(c):
			n := i
			for n < len(s) && (isWord(s[n]) || s[n] == '"' || s[n] == '\'') {
				n++
			}
			all = append(all, s[i:n])
			i = n
		default:
			all = append(all, s[i:i+1])
			i++
		}
	}
	return all, nil
}
