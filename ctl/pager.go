package ctl

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
)

// pager shows page by page what is written to it.
type pager struct {
	io.WriteCloser
	process *exec.Cmd
	signals chan os.Signal
}

// startPager starts $PAGER, or less as git and journalctl start it: with what fits on a screen it ends at once (F), it
// lets through colors, of which lines have none left (R), and leaves the text on the screen (X). nil: there is none.
func startPager(w *world) *pager {
	words := strings.Fields(w.getenv("PAGER"))
	if len(words) == 0 {
		words = []string{"less"}
	}
	if words[0] == "cat" {
		return nil
	}
	path, err := exec.LookPath(words[0])
	if err != nil {
		return nil
	}
	c := exec.Command(path, words[1:]...)
	c.Stdout, c.Stderr = w.stdout, w.stderr
	if os.Getenv("LESS") == "" {
		c.Env = append(os.Environ(), "LESS=FRX")
	}
	in, err := c.StdinPipe()
	if err != nil || c.Start() != nil {
		return nil
	}
	p := &pager{in, c, make(chan os.Signal, 1)}
	signal.Notify(p.signals, unix.SIGINT) // is for the pager, which ends when it likes
	return p
}

// wait waits for its end, once it has been given everything.
func (p *pager) wait() error {
	p.Close()
	_ = p.process.Wait() // how it ended says nothing of the logs
	signal.Stop(p.signals)
	return nil
}
