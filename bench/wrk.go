package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// wrk is the load generator of that name (Debian's package wrk): a witness that is not ours. It asks as fast as it is
// answered, over so many connections.
type wrk struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

// wrkResult is what it says at its end.
type wrkResult struct {
	perSecond float64
	p50, p99  float64 // ms
	requests  int
	errors    int // of the sockets, and answers that were none of 200
}

// startWrk asks for path for so long, or until it is stopped.
func startWrk(port int, path string, keep bool, connections int, most time.Duration) (*wrk, error) {
	program, err := exec.LookPath("wrk")
	if err != nil {
		return nil, fmt.Errorf("%w (Debian's package wrk)", err)
	}
	args := []string{"--latency", "-t1", "-c" + strconv.Itoa(connections), fmt.Sprintf("-d%ds", int(most.Seconds()))}
	if !keep {
		args = append(args, "-H", "Connection: close")
	}
	w := &wrk{cmd: exec.Command(program, append(args, fmt.Sprintf("http://127.0.0.1:%d%s", port, path))...)}
	w.cmd.Stdout, w.cmd.Stderr = &w.out, &w.out
	return w, w.cmd.Start()
}

// stop ends it early.
func (w *wrk) stop() (wrkResult, error) {
	_ = w.cmd.Process.Signal(os.Interrupt)
	return w.wait()
}

func (w *wrk) wait() (r wrkResult, err error) {
	if err := w.cmd.Wait(); err != nil {
		return r, fmt.Errorf("wrk: %w: %s", err, lastLine(w.out.Bytes()))
	}
	return parseWrk(w.out.String())
}

func parseWrk(text string) (r wrkResult, err error) {
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.ReplaceAll(line, ",", ""))
		switch {
		case len(words) == 2 && words[0] == "Requests/sec:":
			r.perSecond, err = strconv.ParseFloat(words[1], 64)
		case len(words) == 2 && words[0] == "50%":
			r.p50, err = milliseconds(words[1])
		case len(words) == 2 && words[0] == "99%":
			r.p99, err = milliseconds(words[1])
		case len(words) > 2 && words[1] == "requests" && words[2] == "in":
			r.requests, err = strconv.Atoi(words[0])
		case len(words) > 2 && (words[0] == "Socket" || words[0] == "Non-2xx"):
			for _, word := range words {
				if n, notNumber := strconv.Atoi(word); notNumber == nil {
					r.errors += n
				}
			}
		}
		if err != nil {
			return r, fmt.Errorf("wrk says %q: %w", line, err)
		}
	}
	return r, nil
}

// milliseconds reads 1.23ms, 812.00us and their like.
func milliseconds(text string) (float64, error) {
	d, err := time.ParseDuration(text)
	return d.Seconds() * 1e3, err
}
