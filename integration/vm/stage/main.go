// Command stage is the first program of a virtual machine of package vm. As the kernel's init it loads modules, mounts what a machine
// has, hands all controllers of cgroup v2 down from the root, and becomes the program that is to be PID 1. Below that it runs
// tests: "stage tests FILE" starts the commands of a file one after the other, and tells the status of each.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "tests":
		err = tests(os.Args[2])
	case os.Getpid() == 1:
		err = boot()
	default:
		err = fmt.Errorf("usage: stage tests FILE; or it is PID 1")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stage:", err)
		os.Exit(125)
	}
}

// order is what package vm wants of this machine.
type order struct {
	Modules []string `json:"modules"`
	Init    []string `json:"init"`
	Env     []string `json:"env"`
}

func boot() error {
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		options              string
	}{
		{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
		{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID, ""},
		{"devpts", "/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=620,ptmxmode=666"},
		{"tmpfs", "/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, ""},
		{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=755"},
		{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777"},
		{"cgroup2", "/sys/fs/cgroup", "cgroup2", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "nsdelegate"},
	} {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.source, m.target, m.kind, m.flags, m.options); err != nil {
			return fmt.Errorf("mounting %s: %w", m.target, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		os.Symlink(target, "/dev/"+name)
	}
	text, err := os.ReadFile("/vm/order")
	if err != nil {
		return err
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return err
	}
	for _, module := range o.Modules {
		if err := load(module); err != nil {
			return fmt.Errorf("loading module %s: %w", module, err)
		}
	}
	if err := delegate(); err != nil {
		return err
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("raising the loopback interface: %w", err)
	}
	if err := unix.Sethostname([]byte("vm")); err != nil {
		return err
	}
	if err := serial(); err != nil {
		return err
	}
	env := append([]string{"PATH=/sbin:/bin", "HOME=/root", "TMPDIR=/tmp"}, o.Env...)
	return fmt.Errorf("executing %s: %w", o.Init[0], syscall.Exec(o.Init[0], o.Init, env))
}

// load is insmod(8) of a module with its parameters.
func load(module string) error {
	name, parameters, _ := strings.Cut(module, " ")
	f, err := os.Open("/vm/modules/" + name)
	if err != nil {
		return err
	}
	defer f.Close()
	const elf = "\x7fELF"
	magic, flags := make([]byte, len(elf)), 0
	if _, err := f.ReadAt(magic, 0); err != nil {
		return err
	}
	if string(magic) != elf {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	return unix.FinitModule(int(f.Fd()), parameters, flags)
}

// delegate enables every controller for the root's children. The root is the one group that may have both processes and
// such children (Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint").
func delegate() error {
	text, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(text)) {
		if err := os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+"+controller), 0); err != nil {
			return err
		}
	}
	return nil
}

// loopback is ip link set lo up.
func loopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request)
}

// serial makes the second serial line standard output and error: the first is the kernel's, whose words would break into
// lines. Standard input is /dev/null, as a container's.
func serial() error {
	line, err := unix.Open("/dev/ttyS1", unix.O_WRONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening /dev/ttyS1: %w", err)
	}
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for fd, from := range []int{null, line, line} {
		if err := unix.Dup2(from, fd); err != nil {
			return err
		}
	}
	return nil
}

// drain waits until the serial line has taken everything: the end of PID 1 is the end of the machine, at once.
func drain() { unix.IoctlSetInt(1, unix.TCSBRK, 1) } // tcdrain(3)

// tests runs the commands of a file, a line of JSON each. Package vm reads what is written here.
func tests(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	failed := 0
	for d := json.NewDecoder(f); d.More(); {
		var c command
		if err := d.Decode(&c); err != nil {
			return err
		}
		began := time.Now()
		status := c.run()
		if status != 0 {
			failed++
		}
		fmt.Printf("@@vm %s: status %d after %d ms\n", c.Name, status, time.Since(began).Milliseconds())
		drain()
	}
	if failed > 0 {
		os.Exit(1)
	}
	return nil
}

// command is a vm.Command.
type command struct {
	Name string
	Dir  string
	Argv []string
	Env  []string
}

func (c command) run() (status int) {
	cmd := exec.Command(c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.Dir, os.Stdout, os.Stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return 0
	case cmd.ProcessState == nil:
		fmt.Println("stage:", err)
		return 127
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return cmd.ProcessState.ExitCode()
}
