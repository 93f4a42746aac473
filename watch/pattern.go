package watch

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pattern is a path of a Plan: base is the part without wildcards, rest are the names behind it. Of a folder that it meets
// all content counts.
type pattern struct {
	base string
	rest []string
}

// newPattern reads a path; dir is where a relative one starts.
func newPattern(dir, text string) (pattern, error) {
	if !filepath.IsAbs(text) {
		text = filepath.Join(dir, text)
	}
	names := split(filepath.Clean(text))
	n := slices.IndexFunc(names, wild)
	if n < 0 {
		n = len(names)
	}
	return pattern{base: "/" + strings.Join(names[:n], "/"), rest: names[n:]}, checkNames(names[n:])
}

// CheckPattern says what is wrong with a path or an ignore pattern.
func CheckPattern(text string) error { return checkNames(split(strings.TrimPrefix(text, "!"))) }

func checkNames(names []string) error {
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil {
			return err
		}
	}
	return nil
}

func wild(name string) bool { return strings.ContainsAny(name, `*?[\`) }

func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// match reports whether what is at a path counts (before anything is ignored), and whether something below it may.
func (p pattern) match(full string) (counts, below bool) {
	inside, ok := under(full, p.base)
	if !ok {
		_, ok := under(p.base, full)
		return false, ok
	}
	return matchNames(p.rest, split(inside))
}

// matchNames compares names with those of a pattern, of which ** stands for any number. whole: they are met, or are below what
// is; partly: names may follow that are.
func matchNames(pattern, names []string) (whole, partly bool) {
	at := make([]bool, len(pattern)+1) // which parts of the pattern may be next
	at[0] = true
	for i := 0; ; i++ {
		for j, part := range pattern {
			if at[j] && part == "**" {
				at[j+1] = true
			}
		}
		if at[len(pattern)] {
			return true, true
		}
		if i == len(names) {
			return false, slices.Contains(at, true)
		}
		next := make([]bool, len(at))
		for j, part := range pattern {
			if !at[j] {
				continue
			}
			if part == "**" {
				next[j] = true
			} else if ok, _ := path.Match(part, names[i]); ok {
				next[j+1] = true
			}
		}
		at = next
	}
}

// under is what of a path is behind dir, if it is dir or below it.
func under(full, dir string) (rest string, ok bool) {
	if full == dir {
		return "", true
	}
	return strings.CutPrefix(full, strings.TrimSuffix(dir, "/")+"/")
}
