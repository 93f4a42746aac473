package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// insideWord, as the first argument, makes the bench PID 1 of the PID namespace that a supervisor runs in.
const insideWord = "inside"

// usageFile is the descriptor on which inside tells, at its end, what CPU time everything below it has had.
const usageFile = 3

// inside is PID 1 around a supervisor: the same for all of them, whatever they could do as PID 1 themselves, and never
// counted. It gives them a /proc of their own, hands signals on, waits for everything, and ends when nothing is left.
func inside(argv []string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	syscall.CloseOnExec(usageFile)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP)
	pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", argv[0], err)
	}
	go func() {
		for s := range signals {
			_ = syscall.Kill(pid, s.(syscall.Signal))
		}
	}()
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return err
	}
	return binary.Write(os.NewFile(usageFile, "usage"), binary.NativeEndian, u.Utime.Nano()+u.Stime.Nano())
}
