package pid1

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// terminationLog is where Kubernetes reads why a container ended (terminationMessagePath's default); kubectl describe
// shows it. Elsewhere it does not exist.
const terminationLog = "/dev/termination-log"

// maxTermination is how much of it the kubelet takes.
const maxTermination = 4096

// writeTermination writes one line of why to a termination log that exists; it makes none, and a file that cannot be
// written is not worth a word at the end of everything. It reports whether it has written.
//
// The file may be what a user of the image made of it: a FIFO or a terminal must not hold up the end, so only a regular
// file is written, which is what the kubelet mounts.
func writeTermination(path, reason string) bool {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_TRUNC|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	line := []byte(oneLine(reason, maxTermination-1) + "\n")
	n, err := unix.Write(fd, line)
	return err == nil && n == len(line)
}

// oneLine makes one line of a text, of at most limit bytes.
func oneLine(s string, limit int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > limit {
		s = s[:limit]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}
