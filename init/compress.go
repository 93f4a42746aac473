package pid1

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"goinit/init/entry"
	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// Bounds of the child that compresses a closed segment of a log.
const (
	compressTime   = 10 * time.Minute // niced, beside workers that need the CPU
	compressMemory = 2 << 30          // of address space
	compressNice   = 19
	compressQueue  = 64 // segments that wait; those beyond stay as they are
	ioIdle         = 3 << 13
)

// compressor has closed segments compressed, one after the other, by goinitctl.
type compressor struct {
	runner *runner
	jobs   chan compression
	told   bool
}

type compression struct {
	path string
	done func(error)
}

func newCompressor(r *runner) *compressor {
	c := &compressor{runner: r, jobs: make(chan compression, compressQueue)}
	go c.run()
	return c
}

// compress never blocks.
func (c *compressor) compress(path string, done func(error)) {
	select {
	case c.jobs <- compression{path, done}:
	default:
	}
}

func (c *compressor) run() {
	for j := range c.jobs {
		err := c.one(j.path)
		if err != nil && !c.told {
			c.told = true
			c.runner.messages.Warn(fmt.Sprintf("cannot compress %s: %v; it stays as it is\n  log_store: {compress: none} does without", j.path, err), nil)
		}
		j.done(err)
	}
}

func (c *compressor) one(path string) error {
	r := c.runner
	ctx, cancel := context.WithTimeout(context.Background(), compressTime)
	defer cancel()
	words, err := newCapture(maxComplaint)
	if err != nil {
		return err
	}
	defer words.close()
	nice, io := compressNice, ioIdle
	child, err := r.reaper.Start(&reaper.Command{
		Argv: []string{clientPath(), "compress-log", path}, Env: r.env, Files: []int{r.reader.null, r.reader.null, words.child()}, Group: true,
		SignalMask: entry.Mask(), Nice: &nice, IOPriority: &io,
		Limits: []reaper.Limit{{Resource: unix.RLIMIT_AS, Soft: compressMemory, Hard: compressMemory}},
	})
	words.closeChild()
	if err != nil {
		return fmt.Errorf("start %s: %w", clientPath(), err)
	}
	select {
	case <-child.Done():
	case <-ctx.Done():
		_ = child.SignalGroup(unix.SIGKILL)
		<-child.Done()
		return context.Cause(ctx)
	}
	if s := child.Status(); s.Code() != 0 {
		said, _ := words.read()
		if why := strings.TrimPrefix(strings.TrimSpace(string(said)), "goinit ctl: cannot compress "+path+": "); why != "" {
			return errors.New(why)
		}
		return fmt.Errorf("goinitctl: %s", describe(s))
	}
	return nil
}
