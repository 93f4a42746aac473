package watch

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
)

// Node tells which files it has loaded if WATCH_REPORT_DEPENDENCIES is set and it has a channel to its parent: JSON, a line
// each, in which "watch:require" holds paths and "watch:import" URLs (lib/internal/modules of its source; node --watch is
// made of it). Whatever else a program says to its parent is not for us.

// ReportVariable is what a program's environment needs for it.
const ReportVariable = "WATCH_REPORT_DEPENDENCIES=1"

// maxReport is the longest line that is read; longer ones are left out.
const maxReport = 64 << 10

// Reports reads a channel to its end, which is the program's or that of f, and tells of the files that it names.
func Reports(f *os.File, loaded func(paths []string)) {
	var line []byte
	long := false
	buffer := make([]byte, readBuffer)
	for {
		n, err := f.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			part, after, whole := bytes.Cut(rest, []byte("\n"))
			rest = after
			if long = long || len(line)+len(part) > maxReport; !long {
				line = append(line, part...)
			}
			if !whole {
				break
			}
			if paths := Reported(line); !long && len(paths) > 0 {
				loaded(paths)
			}
			line, long = line[:0], false
		}
		if err != nil {
			return
		}
	}
}

// Reported are the files that a message names.
func Reported(line []byte) (paths []string) {
	if !bytes.Contains(line, []byte(`"watch:`)) { // most are none, and cost no decoding
		return nil
	}
	var m struct {
		Require []string `json:"watch:require"`
		Import  []string `json:"watch:import"`
	}
	if json.Unmarshal(line, &m) != nil {
		return nil
	}
	for _, one := range append(m.Require, m.Import...) {
		if path, ok := strings.CutPrefix(one, "file://"); ok {
			one = unescape(path)
		}
		if strings.HasPrefix(one, "/") {
			paths = append(paths, one)
		}
	}
	return paths
}

// unescape reads the %20 of a URL. Package net/url does it as well, and is 70 KB for it.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
