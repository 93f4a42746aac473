package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// logPlan is how much is measured of what is written to logs.
type logPlan struct {
	bytes   int // for each of the sizes of lines
	rounds  int
	writers int // of few lines each
	rate    int // lines a second and writer
	seconds int
	only    []string // the names of loggers, cat and goinit besides; none: all
}

func newLogPlan(quick bool) logPlan {
	if quick {
		return logPlan{bytes: 100e6, rounds: 1, writers: 20, rate: 500, seconds: 10}
	}
	return logPlan{bytes: 300e6, rounds: 3, writers: 20, rate: 500, seconds: 60}
}

// lineSizes are in bytes, newlines included. What is quoted first is about an access log's.
var lineSizes = []int{100, 10, 10 << 10}

// reportLogs is what keeping logs costs: one app that writes as fast as it is read, and many that write a little each.
func reportLogs(w io.Writer, p logPlan, goinit string) error {
	goinit, err := filepath.Abs(goinit)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-logs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	loggers, missing := findLoggers(goinit, dir, p.only)
	fmt.Fprintf(w, "# Logs\n\n%s\n\n%s\n\n", machine(), loggersNote)
	for _, reason := range missing {
		fmt.Fprintf(w, "Missing: %s\n\n", reason)
	}
	for _, size := range lineSizes {
		if err := reportFlood(w, p, loggers, size); err != nil {
			return err
		}
	}
	return reportTrickle(w, p, loggers)
}

// flood is what one logger needed for all the lines.
type flood struct{ cpu, wall, memory []float64 } // s, s, MB

func reportFlood(w io.Writer, p logPlan, loggers []logger, size int) error {
	dir, err := os.MkdirTemp("", "bench-logs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lines := filepath.Join(dir, "lines")
	line := append(bytes.Repeat([]byte("x"), size-1), '\n')
	if err := os.WriteFile(lines, bytes.Repeat(line, p.bytes/size), 0o644); err != nil {
		return err
	}
	all := make([]flood, len(loggers))
	err = inTurns(p.rounds, len(loggers), func(i int) error {
		at, err := os.MkdirTemp(dir, "")
		if err != nil {
			return err
		}
		defer os.RemoveAll(at)
		if err := warm(at, p.bytes); err != nil {
			return err
		}
		cpu, wall, memory, err := loggers[i].flood(at, lines)
		if err != nil {
			return fmt.Errorf("%s: %w", loggers[i].name, err)
		}
		f := &all[i]
		f.cpu, f.wall, f.memory = append(f.cpu, cpu), append(f.wall, wall), append(f.memory, memory)
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "## One app, lines of %d bytes\n\nMedian of %d times %.2f GB, out of the page cache, into memory that was used just before; the CPU time of who keeps them (not the app's), and the largest memory it had.\n\n",
		size, p.rounds, float64(p.bytes)/1e9)
	t := &table{head: []string{"", "CPU s per GB", "least", "CPU : cat", "least : least", "MB/s", "memory MB"}}
	gb := float64(p.bytes) / 1e9
	for i, l := range loggers {
		f := all[i]
		t.add(l.name, number(median(f.cpu)/gb, 2), number(minimum(f.cpu)/gb, 2), times(f.cpu, all[0].cpu), ratio(minimum(f.cpu), minimum(all[0].cpu)), number(gb*1e3/median(f.wall), 0), number(median(f.memory), 1))
	}
	t.write(w)
	return nil
}

// warm has the kernel hold as much free memory as is about to be written that it has just used. A machine that gives its host
// back what is free pays for each page that it touches next, several times what it costs to keep a log: who takes fresh
// pages for all he writes, as cat does, would pay most of it, and who comes next to nothing.
func warm(dir string, bytes int) error {
	f, err := os.Create(filepath.Join(dir, "warm"))
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for b := make([]byte, 64<<10); bytes > 0; bytes -= len(b) {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// flood has the logger take a file's lines from cat, and returns the CPU time and time (s) that took, and its memory (MB).
func (l logger) flood(dir, lines string) (cpu, wall, memory float64, err error) {
	if l.argv != nil {
		return l.floodPipe(dir, lines)
	}
	begin, end := dir+"/begin", dir+"/end"
	for _, fifo := range []string{begin, end} {
		if err := syscall.Mkfifo(fifo, 0o600); err != nil {
			return 0, 0, 0, err
		}
	}
	ended, err := os.OpenFile(end, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, 0, 0, err
	}
	defer ended.Close()
	c, err := l.run(dir, []string{"read go < " + begin + "; cat " + lines + "; echo > " + end + "; exec sleep 1000"})
	if err != nil {
		return 0, 0, 0, err
	}
	defer stopLogger(c)
	started, err := openStarted(begin)
	if err != nil {
		return 0, 0, 0, err
	}
	defer started.Close()
	cpu = settledCPU(c.Process.Pid) // what the boot costs is measured elsewhere
	began := time.Now()
	_ = ended.SetReadDeadline(began.Add(5 * patience))
	if _, err := started.WriteString("go\n"); err != nil {
		return 0, 0, 0, err
	}
	if _, err := ended.Read(make([]byte, 1)); err != nil {
		return 0, 0, 0, fmt.Errorf("the app has not ended: %w", err)
	}
	wall = time.Since(began).Seconds()
	return (settledCPU(c.Process.Pid) - cpu) / 1e9, wall, largest(c.Process.Pid), nil
}

// openStarted opens a FIFO as soon as the app that reads it has started.
func openStarted(fifo string) (f *os.File, err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f, err = os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("the app has not started: %w", err)
}

// floodPipe is flood of a program that reads its stdin.
func (l logger) floodPipe(dir, lines string) (cpu, wall, memory float64, err error) {
	argv, err := l.argv(dir)
	if err != nil {
		return 0, 0, 0, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return 0, 0, 0, err
	}
	defer r.Close()
	app, c := exec.Command("cat", lines), exec.Command(argv[0], argv[1:]...)
	c.Stdin, app.Stdout = r, w
	if err := c.Start(); err != nil {
		w.Close()
		return 0, 0, 0, err
	}
	defer c.Wait()
	defer w.Close()
	cpu = settledCPU(c.Process.Pid)
	began := time.Now()
	err = app.Run()
	wall = time.Since(began).Seconds()
	return (settledCPU(c.Process.Pid) - cpu) / 1e9, wall, largest(c.Process.Pid), err
}

// settledCPU waits until a process has nothing to do, its boot or what is in a pipe, and is its CPU time then, in ns.
func settledCPU(pid int) (after float64) {
	const interval, nothing = 200 * time.Millisecond, 1e6
	for end := time.Now().Add(patience); time.Now().Before(end); {
		before := cpuOf(pid)
		time.Sleep(interval)
		if after = cpuOf(pid); after-before < nothing {
			break
		}
	}
	return after
}

// largest is the most memory that a process has had, in MB.
func largest(pid int) float64 {
	status, _ := os.ReadFile(procPath(pid, "status"))
	return field(string(status), "VmHWM") * 1024 / 1e6
}

// run starts one that runs the apps itself.
func (l logger) run(dir string, apps []string) (*exec.Cmd, error) {
	argv, err := l.configure(dir, apps)
	if err != nil {
		return nil, err
	}
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = dir
	c.Env = append(environment[:len(environment):len(environment)], "HOME="+dir, "PEBBLE="+dir, "PM2_HOME="+dir+"/pm2", "GOINIT_SOCKET_DIRECTORY="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	return c, c.Start()
}

func stopLogger(c *exec.Cmd) {
	_ = c.Process.Signal(syscall.SIGTERM)
	_ = c.Wait()
}

func reportTrickle(w io.Writer, p logPlan, loggers []logger) error {
	fmt.Fprintf(w, "## %d apps, %d lines of 100 bytes a second each\n\nThe CPU time of all that keep them, over %d s; one process an app, but for those that run the apps themselves.\n\n", p.writers, p.rate, p.seconds)
	t := &table{head: []string{"", "CPU, of one core", "CPU : goinit"}}
	shares := make([]float64, len(loggers))
	for i, l := range loggers {
		var err error
		if shares[i], err = l.trickle(p); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	for i, l := range loggers {
		t.add(l.name, number(100*shares[i], 2)+" %", ratio(shares[i], shares[1]))
	}
	t.write(w)
	return nil
}

// trickle is the share of a CPU that the logger needs for many writers.
func (l logger) trickle(p logPlan) (share float64, err error) {
	dir, err := os.MkdirTemp("", "bench-logs-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	writer := []string{self, writerWord, strconv.Itoa(p.rate), dir}
	var pids []int
	if l.argv == nil {
		apps := make([]string, p.writers)
		for i := range apps {
			apps[i] = "exec " + strings.Join(writer, " ")
		}
		c, err := l.run(dir, apps)
		if err != nil {
			return 0, err
		}
		defer stopLogger(c)
		pids = append(pids, c.Process.Pid)
	}
	for i := range p.writers {
		if l.argv == nil {
			break
		}
		own := filepath.Join(dir, strconv.Itoa(i))
		if err := os.Mkdir(own, 0o755); err != nil {
			return 0, err
		}
		argv, err := l.argv(own)
		if err != nil {
			return 0, err
		}
		app, c := exec.Command(writer[0], writer[1:]...), exec.Command(argv[0], argv[1:]...)
		app.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		if c.Stdin, err = app.StdoutPipe(); err != nil {
			return 0, err
		}
		if err := c.Start(); err != nil {
			return 0, err
		}
		defer c.Wait()
		if err := app.Start(); err != nil {
			return 0, err
		}
		defer stopLogger(app)
		pids = append(pids, c.Process.Pid)
	}
	if err := awaitWriters(dir, p.writers); err != nil {
		return 0, err
	}
	time.Sleep(time.Second) // of the same; what the boot has left to do is over
	sum := func() (ns float64) {
		for _, pid := range pids {
			ns += cpuOf(pid)
		}
		return ns
	}
	before, began := sum(), time.Now()
	time.Sleep(time.Duration(p.seconds) * time.Second)
	return (sum() - before) / float64(time.Since(began)), nil
}

// awaitWriters returns when so many run; dir, in their command line, is what they have in common.
func awaitWriters(dir string, n int) error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		running := 0
		all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range all {
			if b, err := os.ReadFile(file); err == nil && bytes.HasSuffix(b, []byte("\x00"+dir+"\x00")) && bytes.Contains(b, []byte("\x00"+writerWord+"\x00")) {
				running++
			}
		}
		if running == n {
			return nil
		}
	}
	return fmt.Errorf("not all of %d apps run after %v", n, patience)
}

// writerWord makes the bench a program that writes so many lines of 100 bytes a second; behind the number comes a word to find it by.
const writerWord = "bench-writer"

func writeLines(rate string) error {
	n, err := strconv.Atoi(rate)
	if err != nil || n <= 0 {
		return fmt.Errorf("%q lines a second", rate)
	}
	line := append(bytes.Repeat([]byte("x"), 99), '\n')
	for range time.NewTicker(time.Second / time.Duration(n)).C {
		if _, err := os.Stdout.Write(line); err != nil {
			return err
		}
	}
	return nil
}
