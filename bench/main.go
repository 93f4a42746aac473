// Command bench compares goinit with the small C inits in command mode, and with other process managers in run mode, in
// one run on one machine, and prints a Markdown report.
//
// The machine is taken to be noisy. So the peers take turns within every round, in a random order; what is quoted is a
// median or a minimum, and its ratio to tini or to the bare command. Nothing about performance is asserted, and a peer
// that is not installed is named as missing.
//
// The parts cluster and reload keep one Node program running with several workers: goinit in each balance, Node's own
// cluster (programs/primary.js), pm2, and one process alone. All are up at the same time and are asked in turns by wrk, which
// is on the same CPUs: so what counts is the ratio to Node's own cluster in the same round, and CPU time a request. Then
// their only worker is killed, and workers that nobody asks are replaced. Part reload asks one after another without a
// pause, by wrk and by a client of ours that counts exactly (integration/load), while workers are replaced, killed, made
// more and fewer, and says how many requests failed; the same for servers in Go and Python and for gunicorn by LISTEN_FDS.
// Nobody's requests are tried again. They want wrk and gunicorn from Debian; pm2 is taken from PATH, or from npm.
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
	"slices"
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
	if len(os.Args) > 1 && ownProgram(os.Args[1], os.Args[2:]) {
		return
	}
	part := flag.String("part", "all", "what to measure: init (command mode), run (run mode), probes (run mode's liveness), groups (a cgroup for each worker), logs, questions (about logs), cluster (a server's workers), reload (requests while they are replaced) or all")
	probeSeconds := flag.Int("probe-seconds", 0, "how long liveness is measured (default 60)")
	rounds := flag.Int("rounds", 0, "rounds of the start (default 150), of the drain a thirtieth as many, and of the logs (default 3)")
	only := flag.String("only", "", "of those that keep logs, cat, goinit and these, with commas between them: goroutine per pipe,s6-log t,...")
	quick := flag.Bool("quick", false, "a minute or so for each part: fewer of everything")
	goinit := flag.String("goinit", "bin/goinit", "the goinit to measure")
	out := flag.String("out", "", "write the report to this file too")
	flag.Parse()
	if !slices.Contains([]string{"init", "run", "probes", "groups", "logs", "questions", "cluster", "reload", "all"}, *part) {
		fmt.Fprintf(os.Stderr, "bench: there is no part %q: init, run, probes, groups, logs, questions, cluster, reload or all\n", *part)
		os.Exit(64)
	}
	onRun := newRunPlan(*quick)
	onLogs := newLogPlan(*quick)
	if *probeSeconds > 0 {
		onRun.probeSeconds = *probeSeconds
	}
	if *rounds > 0 {
		onLogs.rounds = *rounds
	}
	if *only != "" {
		onLogs.only = strings.Split(*only, ",")
	}
	if err := run(newPlan(*rounds, *quick), onRun, onLogs, newWebPlan(*quick), *part, *goinit, *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// ownProgram runs one of the programs that the bench itself is.
func ownProgram(word string, args []string) bool {
	var err error
	switch {
	case word == helperWord && len(args) == 0:
		helper()
	case word == listenerWord && len(args) == 0:
		err = listener()
	case word == appWord && len(args) == 2:
		err = app(args)
	case word == writerWord && len(args) == 2:
		err = writeLines(args[0])
	case word == apartWord && len(args) == 2:
		err = apart(args)
	case word == perPipeWord && len(args) > 1:
		err = perPipe(args[0], args[1:])
	case word == connectWord && len(args) == 3:
		err = connect(args)
	case word == insideWord && len(args) > 0:
		err = inside(args)
	default:
		return false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	return true
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

func run(p plan, r runPlan, l logPlan, web webPlan, part, goinit, out string) error {
	closeInherited()
	programs, cleanUp, err := makePrograms()
	if err != nil {
		return err
	}
	defer cleanUp()
	if err := mayMakeNamespaces(programs); err != nil {
		return err
	}
	var text strings.Builder
	w := io.MultiWriter(&text, os.Stdout)
	if part == "init" || part == "all" {
		err = reportInit(w, p, goinit, programs)
	}
	if err == nil && (part == "run" || part == "all") {
		err = reportRun(w, r, goinit, programs)
	}
	if err == nil && (part == "probes" || part == "all") {
		err = reportProbes(w, r, goinit)
	}
	if err == nil && (part == "logs" || part == "all") {
		err = reportLogs(w, l, goinit)
	}
	if err == nil && (part == "questions" || part == "all") {
		err = reportQuestions(w, l.rounds, goinit)
	}
	if err == nil && (part == "groups" || part == "all") {
		err = reportGroups(w, r, goinit)
	}
	if err == nil && (part == "cluster" || part == "all") {
		err = reportWorkers(w, web, goinit)
	}
	if err == nil && (part == "reload" || part == "all") {
		err = reportReloads(w, web, goinit)
	}
	if err != nil || out == "" {
		return err
	}
	return os.WriteFile(out, []byte(text.String()), 0o644)
}

// reportInit is the part about command mode.
func reportInit(w io.Writer, p plan, goinit string, programs *programSet) error {
	peers, missing, err := findPeers(goinit)
	if err != nil {
		return err
	}
	settleFiles(peers)
	debug.SetGCPercent(-1) // our own collections are nobody's latency
	writeHead(w, peers, missing, programs)
	for _, section := range []func(io.Writer, plan, []peer, *programSet) error{
		reportStart, reportMemory, reportIdle, reportForward, reportDrain,
	} {
		if err := section(w, p, peers, programs); err != nil {
			return err
		}
	}
	return nil
}
