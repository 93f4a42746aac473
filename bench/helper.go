package main

import (
	"encoding/binary"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"unsafe"
)

// helperWord, as the first argument, makes the bench one of its own programs, where there is no C compiler.
const helperWord = "helper"

// appWord likewise; behind it come the FIFO and the number.
const appWord = "app"

// app is programs/app.c in Go.
func app(args []string) error {
	start := now()
	number, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	fifo, err := os.OpenFile(args[0], os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := binary.Write(fifo, binary.NativeEndian, [2]int64{start, number}); err != nil {
		return err
	}
	_ = fifo.Close()
	signal.Reset()
	return syscall.Pause()
}

// helper is programs/catcher.c in Go; a catcher to which nobody sends anything is a sleeper.
func helper() {
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, syscall.SIGUSR1)
	for {
		_ = binary.Write(os.Stdout, binary.NativeEndian, now())
		<-arrived
	}
}

// now is CLOCK_MONOTONIC in ns, which all processes of a machine share, as package time's monotonic clock is not.
func now() int64 {
	const clockMonotonic = 1 // linux/time.h
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}
