// Command worker is the program of the tests of cgroups: a server that does what limits are there for, when it is told to.
//
//	worker serve DIR    listens on DIR/APP-SLOT, by what goinit gives a worker
//
// A client sends one line and is answered with one:
//
//	pid           its pid
//	hold SIZE     makes SIZE MiB resident, and keeps them
//	leak          keeps a MiB more every few milliseconds, for ever
//	spin          keeps a processor busy, for ever
//	huge SIZE     is hold, of the kernel's huge pages
//	write FILE    writes to a device past the cache, for ever
//	read FILE     what is in a file, its lines joined by spaces
//
// It is small and linked statically, so that a limit of a few MiB leaves room for it.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) != 3 || os.Args[1] != "serve" {
		fmt.Fprintln(os.Stderr, "usage: worker serve DIR")
		os.Exit(64)
	}
	s := &server{dir: os.Args[2]}
	err := s.serve(filepath.Join(s.dir, os.Getenv("GOINIT_APP")+"-"+os.Getenv("GOINIT_SLOT")))
	fmt.Fprintln(os.Stderr, "worker:", err)
	os.Exit(1)
}

type server struct {
	dir  string
	spun atomic.Int64
}

// serve returns only an error.
func (s *server) serve(path string) error {
	os.Remove(path) // of the generation before
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go s.client(c)
	}
}

func (s *server) client(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		verb, argument, _ := strings.Cut(lines.Text(), " ")
		answer, err := s.do(verb, argument)
		if err != nil {
			answer = "error: " + err.Error()
		}
		fmt.Fprintln(c, answer)
	}
}

func (s *server) do(verb, argument string) (string, error) {
	switch verb {
	case "pid":
		return strconv.Itoa(os.Getpid()), nil
	case "hold":
		size, err := strconv.Atoi(argument)
		if err != nil {
			return "", err
		}
		return "held", hold(size)
	case "leak":
		go func() {
			for range time.Tick(5 * time.Millisecond) {
				hold(1)
			}
		}()
		return "leaking", nil
	case "spin":
		go func() {
			for n := 0; ; n++ {
				s.spun.Store(int64(n))
			}
		}()
		return "spinning", nil
	case "huge":
		size, err := strconv.Atoi(argument)
		if err != nil {
			return "", err
		}
		return "held", holdHuge(size)
	case "write":
		f, err := os.OpenFile(argument, os.O_WRONLY|syscall.O_DIRECT, 0)
		if err != nil {
			return "", err
		}
		go overwrite(f)
		return "writing", nil
	case "read":
		text, err := os.ReadFile(argument)
		return strings.Join(strings.Fields(string(text)), " "), err
	}
	return "", fmt.Errorf("no verb %q", verb)
}

const mib = 1 << 20

// hold maps memory that the collector does not know of, and writes to each page of it.
func hold(size int) error {
	_, err := touched(size, 0)
	return err
}

// holdHuge is hold of huge pages. One that the limit refuses is the end of a process by SIGBUS, here it is an error
// (Documentation/admin-guide/cgroup-v2.rst, "HugeTLB").
func holdHuge(size int) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("refused: %v", fault)
		}
	}()
	_, err = touched(size, syscall.MAP_HUGETLB)
	return err
}

func touched(size, flags int) ([]byte, error) {
	memory, err := syscall.Mmap(-1, 0, size*mib, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS|flags)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	return memory, nil
}

// overwrite writes to the beginning of a device: pages, as O_DIRECT wants them.
func overwrite(f *os.File) {
	block, err := touched(1, 0)
	for err == nil {
		_, err = f.WriteAt(block, 0)
	}
	fmt.Fprintln(os.Stderr, "worker:", err)
}
