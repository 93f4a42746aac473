package spec

import (
	"fmt"
	"path"
	"strconv"
)

// Format is the version of compiled specs; one of another version has to be compiled again.
const Format = 1

// Compiled says what a compiled spec was made from.
type Compiled struct {
	Format  int      `json:"format"`
	Sources []Source `json:"sources,omitempty"`
}

// Source is a file that went into a compiled spec: its path, from the folder of the first one, and the SHA-256 of its bytes in
// hexadecimal digits.
type Source struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
}

func compiled(f *fields) *Compiled {
	v, ok := f.get("compiled")
	if !ok {
		return nil
	}
	o := f.l.object("compiled", v)
	c := &Compiled{}
	c.Format = value(o, "format", 0, IntBetween(0, 1<<31-1))
	if c.Format != Format {
		f.l.fail("compiled.format", "%d, and this goinit reads %d: compile it again with its own goinitctl", c.Format, Format)
	}
	sources, _ := o.get("sources")
	elements, _ := sources.([]any)
	for i, e := range elements {
		s := f.l.object("compiled.sources."+strconv.Itoa(i), e)
		c.Sources = append(c.Sources, Source{required(s, "path"), required(s, "sha256")})
		s.end()
	}
	o.end()
	return c
}

// Stale tells whether a source that lies in a folder is not the one that was compiled. What is not there (sum says false) is no
// disagreement: an image need not hold its sources. sum returns the SHA-256 of a file in hexadecimal digits.
func (c *Compiled) Stale(folder string, sum func(path string) (string, bool)) error {
	if c == nil {
		return nil
	}
	for _, s := range c.Sources {
		file := s.Path
		if !path.IsAbs(file) {
			file = path.Join(folder, file)
		}
		if now, ok := sum(file); ok && now != s.SHA256 {
			return fmt.Errorf("%s has changed since it was compiled", file)
		}
	}
	return nil
}
