package pid1

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// explainStart says why a command could not be started, and what the user can do about it. It looks at files as the child
// would have: from its directory.
func explainStart(err error, c *reaper.Command) string {
	what := "cannot start " + strconv.Quote(c.Argv[0]) + ": "
	var failed *reaper.StartError
	if !errors.As(err, &failed) {
		return what + err.Error()
	}
	switch {
	case failed.Step == "fork" && failed.Errno == unix.EAGAIN:
		return what + "no process can be made: a limit on processes is reached\n" +
			"  raise it: docker run --pids-limit N, podPidsLimit of the kubelet, or ulimit -u"
	case failed.Step == "fork" && failed.Errno == unix.ENOMEM:
		return what + "the kernel has no memory for a process, or this PID namespace is ending"
	case failed.Step != "exec":
		return what + explainStep(failed, c)
	}
	return what + explainExec(failed, c)
}

func explainExec(failed *reaper.StartError, c *reaper.Command) string {
	path, word := failed.Path, c.Argv[0]
	if word == "" {
		return "the command is an empty word\n  an unset variable in the entrypoint?"
	}
	switch failed.Errno {
	case unix.ENOENT, unix.ENOTDIR:
		if !strings.Contains(path, "/") {
			if there := programInPath(word, c); there != "" {
				return missingInterpreter(there)
			}
			return "not found in PATH" + notFoundRemedy(word, c.Env)
		}
		if _, err := os.Stat(seenFrom(c.Dir, path)); err == nil {
			return missingInterpreter(seenFrom(c.Dir, path))
		}
		return "no such file\n  is it in the image? relative paths start in the working directory, " + workingDir(c.Dir)
	case unix.EACCES:
		return deniedReason(path, c)
	case unix.ENOEXEC:
		return "not a program for this machine (" + runtime.GOARCH + ")\n" +
			"  an image for another architecture? a script needs its #! line, or a /bin/sh"
	case unix.E2BIG:
		return "arguments and environment are too long\n  they may have a quarter of the stack's limit (ulimit -s), each 128 KiB"
	case unix.ETXTBSY:
		return path + " is open for writing by another process"
	}
	return path + ": " + failed.Errno.Error()
}

func pathOf(env []string) (path string, set bool) {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			return v, true
		}
	}
	return reaper.DefaultPath, false
}

// programInPath finds a file that could have been executed, had its interpreter been there.
func programInPath(word string, c *reaper.Command) string {
	path, _ := pathOf(c.Env)
	for _, dir := range strings.Split(path, ":") {
		file := seenFrom(c.Dir, filepath.Join(dir, word))
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

func notFoundRemedy(word string, env []string) string {
	path, set := pathOf(env)
	if !set {
		path = "not set, so " + path
	}
	s := "\n  PATH is " + path
	if strings.ContainsAny(word, " \t") {
		s += "\n  one word with spaces: a command line goes through a shell (sh -c " + strconv.Quote(word) + "), or word by word"
	}
	return s
}

func workingDir(dir string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	d, err := os.Getwd()
	if err != nil {
		return "which is gone"
	}
	return filepath.Join(d, dir)
}

// seenFrom is a path as it is from a directory, of which an empty one is ours.
func seenFrom(dir, path string) string {
	if dir == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func uidOf(c *reaper.Command) string {
	if c.Credential != nil {
		return strconv.FormatUint(uint64(c.Credential.UID), 10)
	}
	return strconv.Itoa(os.Geteuid())
}

func deniedReason(path string, c *reaper.Command) string {
	it := path
	if path == c.Argv[0] {
		it = "it"
	}
	info, err := os.Stat(seenFrom(c.Dir, path))
	switch {
	case err == nil && info.IsDir():
		return it + " is a directory"
	case err == nil && info.Mode()&0o111 == 0:
		return it + " is not executable\n  chmod +x " + path + " (in a Dockerfile: COPY --chmod=755)"
	case err == nil:
		return "permission denied to execute " + path + "\n  as uid " + uidOf(c) +
			", file mode " + info.Mode().Perm().String() + "; or its filesystem is mounted noexec"
	}
	return "permission denied to execute " + path + "\n  a directory above it is closed to uid " + uidOf(c)
}

// missingInterpreter explains the kernel's "no such file" for a file that is there: what it needs to run is not.
func missingInterpreter(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		abs = path
	}
	name, kind := interpreterOf(path)
	switch kind {
	case "#!":
		if strings.HasSuffix(name, "\r") {
			return abs + " has Windows line ends: its interpreter is " + strconv.Quote(name) + "\n  sed -i 's/\\r$//' " + path
		}
		return "the interpreter of " + abs + ", " + name + ", is missing\n  install it, or change the first line of the script"
	case "ELF":
		return "the dynamic loader of " + abs + ", " + name + ", is missing\n  it was built for another C library " +
			"(glibc or musl) than this image has: build it static (Go: CGO_ENABLED=0) or change the base image"
	}
	return abs + " is there, but something that it needs to run is not"
}

// interpreterOf reads what the kernel starts for a file: the word behind #!, or the PT_INTERP of an ELF file (elf(5),
// 64 bit, little endian).
func interpreterOf(path string) (name, kind string) {
	f, err := os.Open(path)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := f.Read(head)
	head = head[:n]
	if line, ok := strings.CutPrefix(string(head), "#!"); ok {
		line, _, _ = strings.Cut(line, "\n")
		name, _, _ = strings.Cut(strings.TrimLeft(line, " \t"), " ")
		return name, "#!"
	}
	if n < 64 || string(head[:6]) != "\x7fELF\x02\x01" {
		return "", ""
	}
	le := binary.LittleEndian
	offset, size, count := le.Uint64(head[32:]), uint64(le.Uint16(head[54:])), uint64(le.Uint16(head[56:]))
	for i := range count {
		at := offset + i*size
		if size < 56 || at > uint64(n) || at+56 > uint64(n) {
			break
		}
		const ptInterp = 3
		if le.Uint32(head[at:]) != ptInterp {
			continue
		}
		start, length := le.Uint64(head[at+8:]), le.Uint64(head[at+32:])
		if start < uint64(n) && length <= uint64(n)-start {
			return strings.TrimRight(string(head[start:start+length]), "\x00"), "ELF"
		}
	}
	return "", ""
}
