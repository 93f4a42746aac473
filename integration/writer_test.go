package integration

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// writerStates, in the environment, makes the test binary a worker that writes numbered lines; its value is a directory, in
// which it keeps how many lines it has written, by slot and life. writerLines says how many a slot has to write in all its
// lives, without which it never ends.
const (
	writerStates = "INTEGRATION_WRITER_STATES"
	writerLines  = "INTEGRATION_WRITER_LINES"
	writerLife   = "INTEGRATION_WRITER_LIFE"   // of goinit
	writerMortal = "INTEGRATION_WRITER_MORTAL" // set: the first process of a slot never ends by itself
)

// lineSize is about that of a line in an access log.
const lineSize = 100

// writeLines writes to stdout and stderr in turns, some lines at a time, and notes what was taken.
func writeLines(dir string) int {
	name := os.Getenv("GOINIT_SLOT") + "-" + os.Getenv(writerLife) + "." + os.Getenv("GOINIT_GENERATION")
	most, err := strconv.Atoi(os.Getenv(writerLines))
	if err != nil {
		most = 1 << 62
	}
	if os.Getenv(writerMortal) != "" && os.Getenv("GOINIT_GENERATION") == "1" {
		most = 1 << 62
	}
	earlier, _ := filepath.Glob(filepath.Join(dir, os.Getenv("GOINIT_SLOT")+"-*"))
	for _, path := range earlier {
		b, err := os.ReadFile(path)
		if err == nil && len(b) == 16 {
			most -= int(binary.NativeEndian.Uint64(b) + binary.NativeEndian.Uint64(b[8:]))
		}
	}
	state, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var counts [2]int
	var text strings.Builder
	for turn := 0; most > 0; turn++ {
		stream := turn % 2
		n := min(most, 1+turn%200)
		text.Reset()
		for i := range n {
			head := fmt.Sprintf("%s %d %d ", name, stream, counts[stream]+i)
			text.WriteString(head + strings.Repeat("x", lineSize-1-len(head)) + "\n")
		}
		if _, err := [2]*os.File{os.Stdout, os.Stderr}[stream].WriteString(text.String()); err != nil {
			return 1
		}
		counts[stream] += n
		most -= n
		var b [8]byte
		binary.NativeEndian.PutUint64(b[:], uint64(counts[stream]))
		if _, err := state.WriteAt(b[:], int64(8*stream)); err != nil {
			return 1
		}
		if turn == 0 {
			_ = state.Truncate(16)
		}
	}
	return 0
}
