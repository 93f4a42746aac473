package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// perPipeWord makes the bench a manager that is written as one would write it in Go: a goroutine for each app's pipe, which
// reads it and writes files, four of 8 MiB. Behind it come a directory and the apps' scripts.
const perPipeWord = "bench-per-pipe"

const perPipeFile, perPipeFiles = 8 << 20, 4

func perPipeLogs(dir string, apps []string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	commands, err := scripts(dir, apps)
	argv := []string{self, perPipeWord, dir}
	for _, c := range commands {
		argv = append(argv, c[1])
	}
	return argv, err
}

func perPipe(dir string, scripts []string) error {
	var all sync.WaitGroup
	for i, script := range scripts {
		c := exec.Command("/bin/sh", script)
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		out, err := c.StdoutPipe()
		if err != nil {
			return err
		}
		if err := c.Start(); err != nil {
			return err
		}
		all.Go(func() {
			if err := keepRead(filepath.Join(dir, fmt.Sprintf("app%d.log", i)), out.(*os.File)); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
			}
		})
	}
	all.Wait()
	return nil
}

// keepRead writes what is read to a file, which becomes PATH.1 and so on when it is full.
func keepRead(path string, r *os.File) error {
	b := make([]byte, 64<<10)
	var f *os.File
	for size := 0; ; {
		n, err := r.Read(b)
		if err != nil {
			return nil
		}
		if f == nil || size+n > perPipeFile {
			if f != nil {
				f.Close()
			}
			for i := perPipeFiles - 1; i > 1; i-- {
				_ = os.Rename(fmt.Sprintf("%s.%d", path, i-1), fmt.Sprintf("%s.%d", path, i))
			}
			_ = os.Rename(path, path+".1")
			if f, err = os.Create(path); err != nil {
				return err
			}
			size = 0
		}
		if _, err := f.Write(b[:n]); err != nil {
			return err
		}
		size += n
	}
}
