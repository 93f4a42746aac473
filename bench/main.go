// Command bench compares goinit with the small C inits, in one run on one machine, and prints a Markdown report.
//
// The machine is taken to be noisy. So the peers take turns within every round, in a random order; what is quoted is a
// median or a minimum, and its ratio to tini or to the bare command. Nothing about performance is asserted, and a peer
// that is not installed is named as missing.
//
// It needs root, for PID namespaces, and a C compiler for all of its programs (see programs.go for what it does
// without). From the top of the repository: ./build.sh && go run ./bench
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// plan is how much is measured.
type plan struct {
	startRounds   int // of every init as a plain process, and again as PID 1
	memoryRounds  int
	idleSeconds   int
	signals       int // for each init
	drainRounds   int
	orphans       int
	settleSeconds float64 // before memory is read
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == helperWord {
		helper()
		return
	}
	rounds := flag.Int("rounds", 0, "rounds of the start (default 150), and of the drain a thirtieth as many")
	quick := flag.Bool("quick", false, "half a minute instead of some: fewer of everything")
	goinit := flag.String("goinit", "bin/goinit", "the goinit to measure")
	out := flag.String("out", "", "write the report to this file too")
	flag.Parse()
	if err := run(newPlan(*rounds, *quick), *goinit, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func newPlan(rounds int, quick bool) plan {
	p := plan{startRounds: 150, memoryRounds: 5, idleSeconds: 20, signals: 1000, drainRounds: 5, orphans: 10000, settleSeconds: 0.5}
	if quick {
		p = plan{startRounds: 40, memoryRounds: 3, idleSeconds: 3, signals: 200, drainRounds: 1, orphans: 2000, settleSeconds: 0.2}
	}
	if rounds > 0 {
		p.startRounds = rounds
		p.drainRounds = max(1, rounds/30)
	}
	return p
}

func run(p plan, goinit, out string) error {
	closeInherited()
	peers, missing, err := findPeers(goinit)
	if err != nil {
		return err
	}
	programs, cleanUp, err := makePrograms()
	if err != nil {
		return err
	}
	defer cleanUp()
	if err := mayMakeNamespaces(programs); err != nil {
		return err
	}
	settleFiles(peers)
	debug.SetGCPercent(-1) // our own collections are nobody's latency

	var text strings.Builder
	w := io.MultiWriter(&text, os.Stdout)
	writeHead(w, peers, missing, programs)
	for _, section := range []func(io.Writer, plan, []peer, *programSet) error{
		reportStart, reportMemory, reportIdle, reportForward, reportDrain,
	} {
		if err := section(w, p, peers, programs); err != nil {
			return err
		}
	}
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(text.String()), 0o644)
}
