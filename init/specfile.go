package pid1

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"goinit/init/entry"
	"goinit/reaper"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

// Bounds of the child that compiles. What it writes is bounded by spec.MaxBytes, and its complaints by maxComplaint.
const (
	compileTime   = 60 * time.Second
	compileMemory = 2 << 30 // of address space, of which Go's runtime reserves much and uses little
	maxComplaint  = 64 << 10
)

// systemSpecs and localSpecs are where a spec is looked for; PID 1 looks in this order, others in their own directory
// first.
var (
	systemSpecs = []string{"/etc/goinit/goinit.json", "/etc/goinit/goinit.yaml"}
	localSpecs  = []string{"goinit.yaml", "Procfile"}
)

// findSpec is the file to run and where was looked for it; the path is empty if there is none.
func findSpec(pid1 bool, getenv func(string) (string, bool)) (path string, looked []string, err error) {
	if path, ok := getenv("GOINIT_SPEC"); ok && path != "" {
		return path, []string{"$GOINIT_SPEC (" + path + ")"}, nil
	}
	looked = []string{"$GOINIT_SPEC (not set)"}
	places := append(append([]string{}, systemSpecs...), localSpecs...)
	if !pid1 {
		places = append(append([]string{}, localSpecs...), systemSpecs...)
	}
	for _, place := range places {
		abs, err := filepath.Abs(place)
		if err != nil {
			return "", nil, err
		}
		looked = append(looked, abs)
		if path == "" && exists(abs) {
			path = abs
		}
	}
	return path, looked, nil
}

// lookup finds variables in an environment; of duplicates the last counts.
func lookup(env []string) func(name string) (string, bool) {
	return func(name string) (string, bool) {
		for i := len(env) - 1; i >= 0; i-- {
			if value, ok := strings.CutPrefix(env[i], name+"="); ok {
				return value, true
			}
		}
		return "", false
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// specReader reads specs, with a child for what is not JSON.
type specReader struct {
	reaper *reaper.Reaper
	env    []string
	lookup func(string) (string, bool)
	null   int   // openNull's
	noNull error // why it is not /dev/null
}

// read is the spec in a file.
func (r *specReader) read(ctx context.Context, path string) (*spec.Spec, error) {
	if strings.HasSuffix(path, ".json") {
		return r.load(ctx, path)
	}
	compiled, err := r.compile(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := spec.Load(compiled, r.lookup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// load reads a compiled spec. A source beside it that is not the one it was compiled from is an error: who edited it meant
// it. Digests are goinitctl's business, so it is asked to compile the source again.
func (r *specReader) load(ctx context.Context, path string) (*spec.Spec, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	s, err := spec.Load(data, r.lookup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.Compiled == nil || len(s.Compiled.Sources) == 0 {
		return s, nil
	}
	source := filepath.Join(filepath.Dir(path), s.Compiled.Sources[0].Path)
	if !exists(source) || !exists(clientPath()) {
		return s, nil // an image need not hold its sources
	}
	compiled, err := r.compile(ctx, source)
	if err != nil {
		return nil, err
	}
	again, err := spec.Load(compiled, r.lookup)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	if again.Compiled != nil && !slices.Equal(again.Compiled.Sources, s.Compiled.Sources) {
		return nil, fmt.Errorf("%s was compiled from another %s than the one beside it\n  compile it again: goinit ctl compile -f %s --out %s",
			path, source, source, path)
	}
	return s, nil
}

// readBounded reads a compiled spec, of which spec.Load refuses what is longer than MaxBytes.
func readBounded(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // not to wait for the writer of a FIFO
	if err != nil {
		return nil, fmt.Errorf("cannot read the spec: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, spec.MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the spec: %w", err)
	}
	return data, nil
}

// complaint is what goinitctl said of a spec, place and all; nothing is to be put in front of it.
type complaint string

func (c complaint) Error() string { return strings.TrimSuffix(string(c), "\n") }

// compile has goinitctl make JSON of a file, in a child that can neither take for ever nor take all memory.
func (r *specReader) compile(ctx context.Context, path string) ([]byte, error) {
	client := clientPath()
	if !exists(client) {
		return nil, fmt.Errorf("cannot read %s: %s is missing; goinit is two files\n"+
			"  Dockerfile: COPY --from=goinit /sbin/goinit /sbin/goinitctl /sbin/", path, client)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, compileTime, fmt.Errorf("it took longer than %v", compileTime))
	defer cancel()
	out, err := newCapture(spec.MaxBytes)
	if err != nil {
		return nil, err
	}
	defer out.close()
	words, err := newCapture(maxComplaint)
	if err != nil {
		return nil, err
	}
	defer words.close()
	child, err := r.reaper.Start(&reaper.Command{
		Argv: []string{client, "compile", "-f", path}, Env: r.env, Files: []int{r.null, out.child(), words.child()}, Group: true,
		SignalMask: entry.Mask(),
		Limits:     []reaper.Limit{{Resource: unix.RLIMIT_AS, Soft: compileMemory, Hard: compileMemory}},
	})
	out.closeChild()
	words.closeChild()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: start %s: %w", path, client, err)
	}
	select {
	case <-child.Done():
	case <-ctx.Done():
		_ = child.SignalGroup(unix.SIGKILL)
		<-child.Done()
		return nil, fmt.Errorf("cannot read %s: %w", path, context.Cause(ctx))
	}
	compiled, whole := out.read()
	if s := child.Status(); s.Code() != 0 {
		said, _ := words.read()
		if len(bytes.TrimSpace(said)) == 0 {
			return nil, fmt.Errorf("cannot read %s: goinitctl compile: %s", path, describe(s))
		}
		return nil, complaint(said)
	}
	if !whole {
		return nil, fmt.Errorf("cannot read %s: it compiles to more than %d bytes", path, spec.MaxBytes)
	}
	return compiled, nil
}

// capture is a pipe from a child, read as it comes and up to a bound; the rest is read and dropped.
type capture struct {
	r, w *os.File
	max  int
	data []byte
	more bool
	done chan struct{}
}

func newCapture(max int) (*capture, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	_ = unix.SetNonblock(fds[0], true) // our end goes to the runtime's poller, and needs no thread
	c := &capture{r: os.NewFile(uintptr(fds[0]), "child"), w: os.NewFile(uintptr(fds[1]), "child"), max: max, done: make(chan struct{})}
	go c.collect()
	return c, nil
}

func (c *capture) collect() {
	defer close(c.done)
	buf := make([]byte, 16<<10)
	for {
		n, err := c.r.Read(buf)
		keep := min(n, c.max-len(c.data))
		c.data = append(c.data, buf[:keep]...)
		c.more = c.more || keep < n
		if err != nil {
			return
		}
	}
}

func (c *capture) child() int  { return int(c.w.Fd()) }
func (c *capture) closeChild() { c.w.Close() }

// read is all of it, and whether that is all.
func (c *capture) read() (data []byte, whole bool) {
	<-c.done
	return c.data, !c.more
}

func (c *capture) close() {
	c.w.Close()
	c.r.Close()
}
