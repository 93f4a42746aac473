package tree

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// process is what a line of /proc/PID/stat says (proc_pid_stat(5)).
type process struct {
	pid, parent, group, session int
	threads, flags              int
	start                       uint64 // in ticks since boot: with the pid, the identity of a process
	state                       byte

	user, system uint64 // ticks of CPU, with those of the children that it has waited for
	resident     int    // pages
}

// dead reports a zombie. One that has threads is alive: only its first thread has ended.
func (p *process) dead() bool { return (p.state == 'Z' || p.state == 'X') && p.threads <= 1 }

// kernel reports a thread of the kernel: where goinit is the machine's own init, it sees them (PF_KTHREAD in the kernel's
// include/linux/sched.h).
func (p *process) kernel() bool { return p.flags&0x00200000 != 0 }

// bounds of what is read: stat is one line, an environment may be anything.
const (
	statSize       = 1024
	environmentMax = 1 << 20
)

// parseStat reads a stat line. The name, in parentheses, may hold anything.
func parseStat(line []byte) (p process, ok bool) {
	end := bytes.LastIndexByte(line, ')')
	space := bytes.IndexByte(line, ' ')
	if end < 0 || space < 0 {
		return p, false
	}
	pid, err := strconv.Atoi(string(line[:space]))
	fields := bytes.Fields(line[end+1:]) // state is the third field of the line
	if err != nil || len(fields) < 20 || len(fields[0]) != 1 {
		return p, false
	}
	p.pid, p.state = pid, fields[0][0]
	for _, f := range []struct {
		to *int
		at int
	}{{&p.parent, 4}, {&p.group, 5}, {&p.session, 6}, {&p.flags, 9}, {&p.threads, 20}} {
		if *f.to, err = strconv.Atoi(string(fields[f.at-3])); err != nil {
			return p, false
		}
	}
	if p.start, err = strconv.ParseUint(string(fields[22-3]), 10, 64); err != nil {
		return p, false
	}
	p.used(fields)
	return p, true
}

// used reads what a process uses. It is of no weight for who it is: what cannot be read is 0.
func (p *process) used(fields [][]byte) {
	for _, f := range []struct {
		to *uint64
		at int
	}{{&p.user, 14}, {&p.system, 15}, {&p.user, 16}, {&p.system, 17}} {
		n, _ := strconv.ParseUint(string(fields[f.at-3]), 10, 64)
		*f.to += n
	}
	if len(fields) > 24-3 {
		p.resident, _ = strconv.Atoi(string(fields[24-3]))
	}
}

// reader reads /proc, with one buffer.
type reader struct {
	buffer []byte
}

func (r *reader) room() []byte {
	if r.buffer == nil {
		r.buffer = make([]byte, 32<<10)
	}
	return r.buffer
}

func (r *reader) stat(pid int) (process, bool) {
	var line [statSize]byte
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return process{}, false
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, line[:])
	if err != nil || n <= 0 {
		return process{}, false
	}
	return parseStat(line[:n])
}

// all is every process there is to be seen: none where there is no /proc, which is as it will be.
func (r *reader) all() (map[int]process, error) {
	pids, err := r.numbers("/proc")
	if err != nil && err != unix.ENOENT && err != unix.ENOTDIR {
		return nil, err
	}
	found := make(map[int]process, len(pids))
	for _, pid := range pids {
		if p, ok := r.stat(pid); ok {
			found[pid] = p
		}
	}
	return found, nil
}

// numbers are the entries of a directory that are one.
func (r *reader) numbers(path string) (all []int, err error) {
	dir, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	var names []string
	for {
		n, err := unix.ReadDirent(dir, r.room())
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return all, nil
		}
		_, _, names = unix.ParseDirent(r.buffer[:n], -1, names[:0])
		for _, name := range names {
			if number, err := strconv.Atoi(name); err == nil {
				all = append(all, number)
			}
		}
	}
}

// executing reports whether a process without an environment is in the middle of an execve: it has no command line
// then either, and both will come (environ_read and get_mm_cmdline in the kernel's fs/proc/base.c).
func (r *reader) executing(pid int) bool {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/cmdline", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, r.room())
	return err == nil && n == 0
}

// variables looks for variables in a process's environment as it was at its exec; empty says that it has none.
func (r *reader) variables(pid int, names ...string) (found map[string]string, empty bool) {
	fd := openEnvironment(pid)
	if fd < 0 {
		return nil, false
	}
	defer unix.Close(fd)
	found, empty = map[string]string{}, true
	var rest []byte // an entry that is not complete
	for total := 0; total < environmentMax && len(found) < len(names); {
		n, err := unix.Read(fd, r.room())
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			match(rest, names, found)
			break
		}
		empty = false
		total += n
		rest = append(rest, r.buffer[:n]...)
		for {
			end := bytes.IndexByte(rest, 0)
			if end < 0 {
				break
			}
			match(rest[:end], names, found)
			rest = rest[end+1:]
		}
	}
	return found, empty
}

func match(entry []byte, names []string, found map[string]string) {
	for _, name := range names {
		if value, ok := bytes.CutPrefix(entry, []byte(name+"=")); ok {
			found[name] = string(value)
		}
	}
}
