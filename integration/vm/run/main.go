// Command run runs the tests of packages, or a command, in a virtual machine whose PID 1 is goinit:
//
//	go run ./integration/vm/run [-memory MIB] [-timeout D] [-env NAME=VALUE]… [-file GUEST=HOST]… [-run RE] [-v] [-count N] PACKAGE…
//	go run ./integration/vm/run [-memory MIB] [-timeout D] [-env NAME=VALUE]… [-file GUEST=HOST]… -- COMMAND ARGUMENT…
//
// goinit and goinitctl are built from the working tree, which is also the working directory. The exit status is 0 if all
// succeeded, else 1; 2 if there was no machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goinit/integration/vm"
)

func main() { os.Exit(run()) }

func run() int {
	flags := flag.NewFlagSet("run", flag.ExitOnError)
	memory := flags.Int("memory", 0, "the machine's memory in MiB")
	timeout := flags.Duration("timeout", 5*time.Minute, "of all together")
	files := map[string]string{}
	flags.Func("file", "GUEST=HOST: a file for the machine", func(s string) error {
		to, from, ok := strings.Cut(s, "=")
		if !ok {
			return fmt.Errorf("it is GUEST=HOST")
		}
		files[to] = from
		return nil
	})
	var env []string
	flags.Func("env", "NAME=VALUE: for the tests, or the command", func(s string) error {
		env = append(env, s)
		return nil
	})
	pattern := flags.String("run", "", "as go test's")
	verbose := flags.Bool("v", false, "as go test's")
	count := flags.Int("count", 1, "as go test's")
	flags.Parse(os.Args[1:])
	packages, argv := flags.Args(), []string(nil)
	if at := slices.Index(os.Args, "--"); at >= 0 {
		packages, argv = nil, os.Args[at+1:]
	}
	if len(packages)+len(argv) == 0 {
		flags.Usage()
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if reason := vm.Missing(); reason != "" {
		return fail(fmt.Errorf("%s", reason))
	}
	kernel, err := vm.FetchKernel()
	if err != nil {
		return fail(err)
	}
	dir, err := os.MkdirTemp("", "goinit-vm-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	m := &vm.Machine{Kernel: kernel, Dir: dir, Memory: *memory, Output: os.Stdout, Files: files}
	if m.Stage, err = vm.BuildStage(dir); err != nil {
		return fail(err)
	}
	if out, err := exec.Command("./build.sh", dir).CombinedOutput(); err != nil {
		return fail(fmt.Errorf("build.sh: %w\n%s", err, out))
	}
	files["/sbin/goinitctl"] = filepath.Join(dir, "goinitctl")
	commands := []vm.Command{{Name: "command", Dir: "/", Argv: argv, Env: env}}
	if len(packages) > 0 {
		commands = nil
	}
	for _, pkg := range packages {
		c, err := m.AddTests(pkg, "-test.run="+*pattern, "-test.v="+strconv.FormatBool(*verbose), "-test.count="+strconv.Itoa(*count))
		if err != nil {
			return fail(err)
		}
		c.Env = env
		commands = append(commands, c)
	}
	r, outcomes, err := m.RunCommands(ctx, filepath.Join(dir, "goinit"), commands...)
	for _, o := range outcomes {
		fmt.Printf("%s: status %d after %v\n", o.Name, o.Status, o.Took)
	}
	if err != nil {
		return fail(err)
	}
	fmt.Printf("the machine: status %d after %v\n", r.Status, r.Took.Round(10*time.Millisecond))
	return min(r.Status, 1)
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "no virtual machine:", err)
	return 2
}
