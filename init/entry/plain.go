//go:build !goinit_entry || !linux || !(amd64 || arm64)

package entry

import "syscall"

// Active reports whether the stub ran: not in this build.
func Active() bool { return false }

// Mask is the mask to give to the child: in this build the inherited one is not known, so it is empty.
func Mask() uint64 { return 0 }

// NoFile is not known in this build: package syscall has raised the soft limit before any code of ours runs.
func NoFile() Limit { return Limit{} }

// ClosedStdio is not known in this build: the runtime has opened /dev/null for what was closed.
func ClosedStdio() Stdio { return 0 }

// Environ is the environment as the kernel gave it, where /proc can be read; else without duplicates.
func Environ() []string {
	if env := procEnviron(); env != nil {
		return env
	}
	return syscall.Environ()
}

func procEnviron() []string {
	fd, err := syscall.Open("/proc/self/environ", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if err != nil {
			return nil
		}
		if n == 0 {
			break
		}
		all = append(all, buf[:n]...)
	}
	if len(all) == 0 {
		return nil
	}
	var env []string
	start := 0
	for i, c := range all {
		if c == 0 {
			env = append(env, string(all[start:i]))
			start = i + 1
		}
	}
	return env
}
