package query

import (
	"bytes"
	"regexp/syntax"
	"strings"
)

// Pattern is what a line has to match: a regular expression in the syntax of RE2, as package regexp has it. One is used by
// one goroutine at a time.
type Pattern struct {
	literal []byte // the whole expression, if it is nothing else; else what each match contains, or empty
	dfa     *dfa   // nil: literal is all
	empty   bool   // a line without any character matches
}

// Compile reads an expression. Its error is package syntax's, which says where it went wrong.
func Compile(expression string, ignoreCase bool) (*Pattern, error) {
	flags := syntax.Perl
	if ignoreCase {
		flags |= syntax.FoldCase
	}
	re, err := syntax.Parse(expression, flags)
	if err != nil {
		return nil, err
	}
	re = re.Simplify()
	if text := required(re); re.Op == syntax.OpLiteral && text != "" {
		return &Pattern{literal: []byte(text)}, nil
	}
	prog, err := syntax.Compile(re)
	if err != nil {
		return nil, err
	}
	p := &Pattern{dfa: newDFA(prog)}
	if must := required(re); len(must) > 1 { // one character alone is found too often
		p.literal = []byte(must)
	}
	p.empty = p.dfa.empty()
	return p, nil
}

// Match reports whether a line, without its newline, matches.
func (p *Pattern) Match(line []byte) bool {
	if len(line) == 0 {
		return p.empty
	}
	return p.find(line) >= 0
}

// find returns an offset within the first line of b that matches, or -1. b begins with a line.
func (p *Pattern) find(b []byte) int {
	switch {
	case p.dfa == nil:
		return bytes.Index(b, p.literal)
	case len(p.literal) == 0:
		return p.dfa.find(b)
	}
	for done := 0; done < len(b); {
		i := bytes.Index(b[done:], p.literal)
		if i < 0 {
			return -1
		}
		i += done
		begin := done + bytes.LastIndexByte(b[done:i], '\n') + 1
		end := len(b)
		if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
			end = i + n + 1
		}
		if j := p.dfa.find(b[begin:end]); j >= 0 {
			return begin + j
		}
		done = end
	}
	return -1
}

// required is the longest text that every match of an expression contains; empty if there is none that is known.
func required(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		// U+FFFD is what a bad byte is taken for, and no line has a newline in it: the dfa knows both.
		if text := string(re.Rune); re.Flags&syntax.FoldCase == 0 && !strings.ContainsAny(text, "\uFFFD\n") {
			return text
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		longest := ""
		for _, sub := range re.Sub {
			if s := required(sub); len(s) > len(longest) {
				longest = s
			}
		}
		return longest
	}
	return ""
}
