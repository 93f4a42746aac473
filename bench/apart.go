package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// apartWord, as the first argument, makes the bench count a bed and print what it has found.
const apartWord = "count"

// found is a census and what was read of it.
type found struct {
	Apps, Supervisor int // processes
	Spent            float64
	Memory           [quantities]float64
}

// countApart is a census by a process with a /proc of its own, which is gone when it is. For whatever was looked at there,
// the kernel keeps names that it has to take out of /proc when that process has died, in the wait of its parent: with a
// hundred apps that was half of the CPU time that a supervisor's stop seemed to take.
func (b *bed) countApart() (f found, err error) {
	self, err := os.Executable()
	if err != nil {
		return f, err
	}
	cmd := exec.Command(self, apartWord, strconv.Itoa(b.cmd.Process.Pid), b.app)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &f)
	}
	if err != nil {
		return f, fmt.Errorf("cannot count the processes: %w", err)
	}
	return f, nil
}

// apart is the other side of countApart, in a mount namespace of its own.
func apart(args []string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	c, err := countBelow(pid, args[1])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found{Apps: len(c.apps), Supervisor: len(c.supervisor), Spent: c.spent(), Memory: c.memory()})
}
