// Package vm starts virtual machines with a kernel of their own: QEMU without hardware help, so that it runs wherever a
// test runs. In them goinit is what it is on no other bed: the init of the kernel, with the whole of cgroup v2.
//
// A machine has no disk and no network. Its root is an initramfs of busybox, the two executables, and the files that are
// given. The kernel starts the stage (stage/), which mounts what a machine has and then becomes the program that is to be PID 1,
// in place; when that ends the kernel panics, and the status stands in its last words. Standard output and error
// come back over a serial line of their own, the kernel's words over another.
//
// A boot takes seconds where a process takes none, and everything in it is ten times slower: one boot should run many
// tests. From the command line:
//
//	go run ./integration/vm/run ./cgroup ./reaper           # the tests of packages
//	go run ./integration/vm/run -run TestKill -v ./cgroup   # some of them
//	go run ./integration/vm/run -- sh -c 'cat /proc/1/cgroup; ls /sys/fs/cgroup'
package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Machine is what is to be started. Every test binary and executable in it has to be static.
type Machine struct {
	Kernel  *Kernel
	Dir     string            // for its files, which are the caller's to remove
	Stage   string            // the executable of package stage, see BuildStage
	Files   map[string]string // a path in the machine -> a file of this one
	Links   map[string]string // a path in the machine -> what it points to
	Modules []string          // kernel modules that are loaded first, with their parameters: "brd rd_nr=1 rd_size=65536"
	Init    []string          // PID 1 and its arguments
	Env     []string          // its environment, beside PATH, HOME and TMPDIR
	Memory  int               // MiB; 0: 768
	Output  io.Writer         // what the machine writes
}

// Result is how a machine ended.
type Result struct {
	Status int    // of PID 1, as a shell has it: 128+N for the end by signal N
	Kernel string // what the kernel wrote
	Took   time.Duration
	CPU    time.Duration // of this machine's processors: Took on one that has nothing else to do is about this, or less
}

const (
	defaultMemory = 768 // MiB
	stagePath     = "/init"
	orderPath     = "/vm/order"
	busyboxPath   = "/bin/busybox"
)

// order is what the stage reads. It has a twin in stage/main.go, which is a program of its own.
type order struct {
	Modules []string `json:"modules"`
	Init    []string `json:"init"`
	Env     []string `json:"env"`
}

// Missing says what this machine lacks for a virtual one; "" if nothing.
func Missing() string {
	if runtime.GOARCH != "amd64" {
		return "the kernel is amd64's, this machine is " + runtime.GOARCH
	}
	for program, remedy := range map[string]string{"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed (apt-get install " + remedy + ")"
		}
	}
	return ""
}

// BuildStage builds the first program of a machine into dir.
func BuildStage(dir string) (string, error) {
	stage := filepath.Join(dir, "stage")
	return stage, Build(stage, "build", "-o", stage, "goinit/integration/vm/stage")
}

// Build runs the go command for a static executable. It is run in the directory of the module.
func Build(what string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+os.Getenv("GOFLAGS")+" -trimpath") // as build.sh: what that has compiled is there
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", what, err, out)
	}
	return nil
}

// Run boots the machine and waits for its end, or ends it with the context.
func (m *Machine) Run(ctx context.Context) (Result, error) {
	ramfs := filepath.Join(m.Dir, "initramfs")
	if err := m.pack(ramfs); err != nil {
		return Result{}, err
	}
	kernelLog := filepath.Join(m.Dir, "kernel.log")
	memory := m.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	qemu := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", strconv.Itoa(memory),
		"-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "file:"+kernelLog, "-serial", "stdio",
		"-kernel", m.Kernel.Image, "-initrd", ramfs,
		// panic=-1: the end of PID 1 restarts the machine, which -no-reboot makes the end of QEMU.
		"-append", "console=ttyS0 quiet panic=-1 cgroup_no_v1=all")
	// It ends with whoever started it. The kernel means the thread that did.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	qemu.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	lines := &lineFeeds{w: m.Output}
	var stderr strings.Builder
	qemu.Stdout, qemu.Stderr = lines, &stderr
	began := time.Now()
	err := qemu.Run()
	log, _ := os.ReadFile(kernelLog)
	r := Result{Kernel: strings.ReplaceAll(string(log), "\r", ""), Took: time.Since(began)}
	if qemu.ProcessState != nil {
		r.CPU = qemu.ProcessState.UserTime() + qemu.ProcessState.SystemTime()
	}
	switch {
	case ctx.Err() != nil:
		return r, fmt.Errorf("the machine did not end in time: %w; its kernel wrote:\n%s", ctx.Err(), r.Kernel)
	case err != nil:
		return r, fmt.Errorf("qemu-system-x86_64: %w\n%s%s", err, &stderr, r.Kernel)
	}
	r.Status, err = initStatus(r.Kernel)
	return r, err
}

// initStatus finds the status of PID 1 in what the kernel says of its end (kernel/exit.c, do_exit).
func initStatus(log string) (int, error) {
	all := regexp.MustCompile(`Attempted to kill init! exitcode=0x([0-9a-f]{8})`).FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		return 0, errors.New("the machine ended without the end of its PID 1; its kernel wrote:\n" + log)
	}
	code, err := strconv.ParseUint(all[len(all)-1][1], 16, 32)
	if err != nil {
		return 0, err
	}
	if sig := code & 0x7f; sig != 0 {
		return 128 + int(sig), nil
	}
	return int(code >> 8 & 0xff), nil
}

// pack writes the root file system.
func (m *Machine) pack(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("busybox --list: %w", err)
	}
	a := newArchive(f)
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run", "/tmp", "/root", "/var/log", "/sbin", "/usr/bin", "/usr/sbin"} {
		a.dir(dir)
	}
	a.device("/dev/console", 5, 1) // the kernel opens it for the stage, before anything is mounted
	a.file(stagePath, m.Stage)
	a.file(busyboxPath, busybox)
	for _, applet := range strings.Fields(string(applets)) {
		if where := path.Join("/bin", applet); where != busyboxPath {
			a.link(where, busyboxPath)
		}
	}
	a.bytes("/etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"))
	a.bytes("/etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\n"))
	for _, to := range sorted(m.Files) {
		a.file(to, m.Files[to])
	}
	for _, name := range sorted(m.Links) {
		a.link(name, m.Links[name])
	}
	for _, module := range m.Modules {
		name := strings.Fields(module)[0]
		a.file("/vm/modules/"+name, m.Kernel.Module(name))
	}
	text, err := json.Marshal(order{m.Modules, m.Init, m.Env})
	if err != nil {
		return err
	}
	a.bytes(orderPath, 0o644, text)
	if err := a.close(); err != nil {
		return fmt.Errorf("packing the machine's files: %w", err)
	}
	return f.Close()
}

func sorted(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// lineFeeds drops the carriage returns of a serial line.
type lineFeeds struct{ w io.Writer }

func (l *lineFeeds) Write(p []byte) (int, error) {
	kept := slices.DeleteFunc(slices.Clone(p), func(c byte) bool { return c == '\r' })
	if _, err := l.w.Write(kept); err != nil {
		return 0, err
	}
	return len(p), nil
}
