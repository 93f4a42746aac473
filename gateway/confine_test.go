package gateway_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"goinit/gateway"

	"golang.org/x/sys/unix"
)

// confinedFile has the test binary be the confined process; it is a file that it tries to change.
const confinedFile = "GOINIT_TEST_CONFINED"

// Who has given it all up can serve, read and make threads, and nothing else.
func TestConfine(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("whole"), 0o666); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestConfined$", "-test.v")
	child.Env, child.ExtraFiles = append(os.Environ(), confinedFile+"="+victim), []*os.File{file}
	var output bytes.Buffer
	child.Stdout, child.Stderr = &output, &output
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: deadline}
	answer, err := client.Get("http://" + listener.Addr().String())
	if err == nil {
		answer.Body.Close()
	}
	if e := child.Wait(); e != nil || err != nil || answer.StatusCode != http.StatusTeapot {
		t.Errorf("%v, %v\n%s", err, e, &output)
	}
	if text, err := os.ReadFile(victim); string(text) != "whole" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestConfined is that process.
func TestConfined(t *testing.T) {
	victim := os.Getenv(confinedFile)
	if victim == "" {
		t.Skip("it is a part of TestConfine")
	}
	runtime.LockOSThread() // no_new_privs is the thread's, and becomes everybody's with the filter
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := gateway.Confine(); err != nil {
		t.Fatal(err)
	}
	runtime.UnlockOSThread()
	parent := os.Getppid()
	for what, do := range map[string]func() error{
		"a socket":          func() error { _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
		"to write":          func() error { _, err := os.OpenFile(victim, os.O_WRONLY, 0); return err },
		"to cut":            func() error { _, err := os.OpenFile(victim, os.O_TRUNC, 0); return err },
		"to create":         func() error { _, err := os.OpenFile(victim+".new", os.O_CREATE, 0o600); return err },
		"to remove":         func() error { return os.Remove(victim) },
		"to rename":         func() error { return os.Rename(victim, victim+".old") },
		"a directory":       func() error { return os.Mkdir(victim+".d", 0o700) },
		"a link":            func() error { return os.Symlink(victim, victim+".l") },
		"a program":         func() error { return exec.Command("/proc/self/exe", "-test.run=^$").Run() },
		"a signal":          func() error { return unix.Kill(parent, 0) },
		"a thread's signal": func() error { return unix.Tgkill(parent, parent, 0) },
		"a pidfd":           func() error { _, err := unix.PidfdOpen(parent, 0); return err },
		"a trace":           func() error { return unix.PtraceAttach(parent) },
		"a child":           func() error { return fork() },
	} {
		if err := do(); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.ReadFile("/proc/self/stat"); err != nil {
		t.Error(err)
	}
	var threads sync.WaitGroup
	for range 20 {
		threads.Go(func() {
			runtime.LockOSThread() // it ends with its goroutine
			runtime.GC()
		})
	}
	threads.Wait()
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		close(asked)
	})}
	go s.Serve(listener)
	<-asked
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// fork is clone(2) of a process, which would be this test twice.
func fork() error {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	return nil
}
