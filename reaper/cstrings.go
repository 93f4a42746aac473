package reaper

import "strings"

// cStrings are the words and variables of a command as C strings, in one piece of memory: an environment has dozens of
// variables, and an allocation for each was a fifth of all garbage of a start.
type cStrings []byte

func newCStrings(c *Command) cStrings {
	size := len(c.Dir) + 1
	for _, list := range [][]string{c.Argv, c.Env} {
		for _, s := range list {
			size += len(s) + 1
		}
	}
	return make(cStrings, 0, size)
}

// add returns s with a NUL behind it, or nil where there is one within. There is room for all of the command.
func (all *cStrings) add(s string) []byte {
	if strings.IndexByte(s, 0) >= 0 {
		return nil
	}
	begin := len(*all)
	*all = append(append(*all, s...), 0)
	return (*all)[begin:]
}
