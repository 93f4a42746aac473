package reaper

import "strings"

// candidates are the paths that execvp(3) would try for a word, in order: the word itself if it has a slash, else one
// for each part of PATH, of which an empty one is the working directory.
func candidates(word string, env []string) []string {
	if word == "" || strings.Contains(word, "/") {
		return []string{word}
	}
	path := DefaultPath
	for _, kv := range env { // the first counts, as in getenv(3)
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
			break
		}
	}
	var all []string
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		all = append(all, strings.TrimSuffix(dir, "/")+"/"+word)
	}
	return all
}
