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

// requireOption is a word of NODE_OPTIONS, quoted as Node wants it: spaces part words, except between double quotes, where a
// backslash takes the next character as it is.
func requireOption(path string) string {
	word := "--require=" + path
	if !strings.ContainsAny(path, " \t\n\"\\") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
