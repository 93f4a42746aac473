package nodeipc

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// wrappers are Node programs that start the program proper as a child. They take the channel: what comes up as the worker is
// npm, and the program behind it binds its port by itself, which works for one worker and for no other.
var wrappers = map[string]string{
	"npm": "npm", "npm-cli.js": "npm", "npx": "npx", "npx-cli.js": "npx", "yarn": "yarn", "yarn.js": "yarn",
	"pnpm": "pnpm", "pnpm.cjs": "pnpm", "tsx": "tsx", "nodemon": "nodemon", "nodemon.js": "nodemon",
}

// lookForWrapper looks at what has come up in a worker of a cluster: its arguments are there to be read, which is all that is
// known of it.
func (w *Worker) lookForWrapper() {
	if !w.online || w.pid == 0 || w.o.ID == 0 {
		return
	}
	if name := wrapperOf(w.pid); name != "" {
		remedy := "what package.json says under scripts"
		if name == "tsx" {
			remedy = "node --import tsx FILE"
		}
		w.hint(name + " took the channel for itself: the program that it starts gets no connections from goinit, and binds its port by itself" +
			"\n  let command: be the program: " + remedy + "; or say node: off")
	}
}

func wrapperOf(pid int) string {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return ""
	}
	defer f.Close()
	buf := make([]byte, 4096)
	n, _ := f.Read(buf)
	for _, word := range bytes.Split(buf[:n], []byte{0})[:] {
		if len(word) == 0 || word[0] == '-' {
			continue
		}
		base := filepath.Base(string(word))
		if base == "node" || base == "nodejs" {
			continue
		}
		return wrappers[base] // the script
	}
	return ""
}
