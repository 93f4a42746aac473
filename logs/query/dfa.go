package query

import (
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// dfa runs a regular expression over lines at one look into a table a byte, where package regexp takes ten to fifty times
// as long. It only tells that a line matches, not where, which is all that is asked. Its states are sets of instructions
// of package regexp/syntax's program, made when they are first entered, and are forgotten when there are too many: so an
// expression costs bounded memory, and a hostile one time in proportion to the text.
//
// A transition is taken on a byte below 0x80, or on a rune; a newline stands for the end of a line. What an assertion
// (^ $ \b) needs to know of the byte before is part of the state, what it needs of the one after is known when the transition
// is made.
type dfa struct {
	prog  *syntax.Prog
	byKey map[string]*state
	start *state

	stack []uint32 // of follow, and the sets it fills
	seen  []uint32 // generation in which an instruction was entered
	epoch uint32
}

type state struct {
	at     []uint32 // instructions that wait for a rune, before assertions are looked at; sorted
	before rune     // what came before: 'a' for a word character, ' ' for another, -1 for the beginning of the line
	next   [utf8.RuneSelf]*state
	runes  map[rune]*state
}

// matched is where the rest of a line does not matter any more.
var matched = &state{}

// maxStates bounds the memory of a dfa to about 5 MB.
const maxStates = 4096

func newDFA(prog *syntax.Prog) *dfa {
	d := &dfa{prog: prog, seen: make([]uint32, len(prog.Inst))}
	d.forget()
	return d
}

func (d *dfa) forget() {
	d.byKey = make(map[string]*state)
	d.start = d.state([]uint32{uint32(d.prog.Start)}, -1)
}

// find returns an offset within the first line of b that matches (its newline's at most), or -1. b begins with a line, and
// its end is the end of one.
func (d *dfa) find(b []byte) int {
	s := d.start
	for i := 0; i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf {
			next := s.next[c]
			if next == nil {
				next = d.step(s, rune(c))
			}
			if next == matched {
				return i
			}
			s = next
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		next := s.runes[r]
		if next == nil {
			next = d.step(s, r)
		}
		if next == matched {
			return i
		}
		s = next
		i += n
	}
	if len(b) > 0 && b[len(b)-1] != '\n' && d.step(s, '\n') == matched {
		return len(b) - 1
	}
	return -1
}

// empty tells whether a line without any character matches, which find has no offset for.
func (d *dfa) empty() bool { return d.step(d.start, '\n') == matched }

// step makes the transition of s on r.
func (d *dfa) step(s *state, r rune) *state {
	to := d.transition(s, r)
	if r < utf8.RuneSelf {
		s.next[r] = to
		return to
	}
	const most = 1024 // of one state
	if s.runes == nil || len(s.runes) >= most {
		s.runes = make(map[rune]*state)
	}
	s.runes[r] = to
	return to
}

func (d *dfa) transition(s *state, r rune) *state {
	after := r
	if r == '\n' {
		after = -1
	}
	flags := syntax.EmptyOpContext(s.before, after)
	d.epoch++
	var at []uint32
	for _, pc := range s.at {
		var ok bool
		if at, ok = d.follow(at, pc, flags, r); ok {
			return matched
		}
	}
	if r == '\n' {
		return d.start
	}
	before := ' '
	if syntax.IsWordChar(r) {
		before = 'a'
	}
	at = append(at, uint32(d.prog.Start)) // it may begin anywhere
	slices.Sort(at)
	return d.state(slices.Compact(at), before)
}

// follow goes from an instruction over all that consume nothing, and appends where r leads; true: to a match.
func (d *dfa) follow(at []uint32, pc uint32, flags syntax.EmptyOp, r rune) ([]uint32, bool) {
	d.stack = append(d.stack[:0], pc)
	for len(d.stack) > 0 {
		pc = d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		if d.seen[pc] == d.epoch {
			continue
		}
		d.seen[pc] = d.epoch
		switch in := &d.prog.Inst[pc]; in.Op {
		case syntax.InstMatch:
			return at, true
		case syntax.InstAlt, syntax.InstAltMatch:
			d.stack = append(d.stack, in.Arg, in.Out)
		case syntax.InstCapture, syntax.InstNop:
			d.stack = append(d.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				d.stack = append(d.stack, in.Out)
			}
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if r != '\n' && in.MatchRune(r) {
				at = append(at, in.Out)
			}
		}
	}
	return at, false
}

func (d *dfa) state(at []uint32, before rune) *state {
	key := make([]byte, 0, 4*len(at)+1)
	key = append(key, byte(before))
	for _, pc := range at {
		key = append(key, byte(pc), byte(pc>>8), byte(pc>>16), byte(pc>>24))
	}
	if s := d.byKey[string(key)]; s != nil {
		return s
	}
	if len(d.byKey) >= maxStates {
		d.forget()
	}
	s := &state{at: at, before: before}
	d.byKey[string(key)] = s
	return s
}
