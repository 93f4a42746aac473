package nodeipc

import (
	_ "embed"
	"os"
	"strings"
)

//go:embed drain.cjs
var drain []byte

// WritePreload writes the program that lets a worker's keep-alive connections end without an error; see drain.cjs. Every
// user who runs workers has to be able to read it, so path is best in a directory that anybody may go through.
func WritePreload(path string) error {
	_ = os.Remove(path) // what a goinit before us has left, whatever it is
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(drain)
	if e := f.Chmod(0o644); err == nil { // whatever our umask
		err = e
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Confined says whether words for Node, of a command or of NODE_OPTIONS, have it run a program under its permission model,
// where it reads only what it was told of, and ends when it is to load anything else. It does not ask which words are the
// program's own, nor how a shell takes them.
func Confined(words string) bool {
	for word := range strings.FieldsFuncSeq(words, func(r rune) bool { return strings.ContainsRune(" \t\n\"'", r) }) {
		name, _, _ := strings.Cut(strings.ReplaceAll(word, "_", "-"), "=") // Node takes both
		if name == "--permission" || name == "--experimental-permission" {
			return true
		}
	}
	return false
}

// requireOption is a word of NODE_OPTIONS, quoted as Node wants it: spaces part words, except between double quotes, where a
// backslash takes the next character as it is.
func requireOption(path string) string {
	word := "--require=" + path
	if !strings.ContainsAny(path, " \t\n\"\\") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
