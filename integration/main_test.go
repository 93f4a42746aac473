// Package integration tries out goinit as it is shipped: the executables that build.sh makes and the image of the
// Dockerfile, as the init of real containers (package bed), and against the conformance suite. What each needs and lacks
// here is said where it is skipped; GOINIT_BEDS=namespace,docker,vm,conformance,qemu makes a lack a failure.
package integration

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// commit is what the executables say they were built from: the image and the test's own have the same.
const commit = "0123456789ab"

// built are the executables, one build a run of the tests.
var built struct {
	dir    string // of this machine's: goinit and goinitctl, as build.sh makes them
	goinit string
	plain  string // goinit by go build alone, without the entry stub
	arm64  string // goinit for arm64
	worker string // the program of package worker, which does what limits are there for

	contain string // the program of package contain, which makes a container's cgroups
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerStates); dir != "" {
		os.Exit(writeLines(dir))
	}
	if os.Getenv(listenServer) != "" {
		os.Exit(serveListened())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "goinit-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("TMPDIR", dir) // every file of every test is in there
	end := sync.OnceFunc(func() {
		bed.Close()
		os.RemoveAll(dir)
	})
	defer end()
	sideBySide()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-interrupted
		end()
		os.Exit(130)
	}()
	if bin := os.Getenv("GOINIT_BIN"); bin != "" { // in the virtual machine, where there is no compiler
		built.dir, built.goinit = bin, filepath.Join(bin, "goinit")
		built.worker, built.contain = filepath.Join(bin, "worker"), filepath.Join(bin, "contain")
	} else if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "cannot build goinit:", err)
		return 1
	}
	return m.Run()
}

// sideBySide has four of the parallel tests run at a time, unless the flag says otherwise: half of them wait, or need one
// processor for minutes.
func sideBySide() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		flag.Set("test.parallel", "4")
	}
}

func build(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil { // a case of the suite runs goinit as nobody
		return err
	}
	built.dir = filepath.Join(dir, "bin")
	built.goinit = filepath.Join(built.dir, "goinit")
	built.plain = filepath.Join(dir, "plain", "goinit")
	built.arm64 = filepath.Join(dir, "arm64", "goinit")
	built.worker, built.contain = filepath.Join(built.dir, "worker"), filepath.Join(built.dir, "contain")
	for _, b := range []struct {
		env  string
		argv []string
	}{
		{"GOARCH=", []string{"./build.sh", built.dir}},
		{"GOARCH=arm64", []string{"./build.sh", filepath.Dir(built.arm64)}},
		{"CGO_ENABLED=0", []string{"go", "build", "-trimpath", "-o", built.plain, "."}}, // what build.sh has compiled need not be compiled again
		{"CGO_ENABLED=0", []string{"go", "build", "-trimpath", "-o", built.dir, "./integration/worker", "./integration/contain"}},
	} {
		cmd := exec.Command(b.argv[0], b.argv[1:]...)
		cmd.Dir = ".."
		cmd.Env = append(os.Environ(), "COMMIT="+commit, b.env)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w\n%s", b.argv, err, out)
		}
	}
	return nil
}
