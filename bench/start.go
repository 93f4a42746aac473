package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"time"
)

// startTimes are the rounds of one init, in ms.
type startTimes struct{ wall, cpu []float64 }

// reportStart compares what a start of a trivial program costs below each init.
func reportStart(w io.Writer, p plan, peers []peer, programs *programSet) error {
	fmt.Fprintf(w, "## Start and end of a trivial program\n\n"+
		"Median of %d rounds, ms. *Added* is the median of the differences to the bare command of the same round. CPU is user "+
		"and system time of the init and the program, as wait4 gives it.\n\n", p.startRounds)
	for _, asPID1 := range []bool{false, true} {
		if asPID1 {
			fmt.Fprint(w, "As PID 1 of a new PID namespace (whose making and end are in the wall time of all):\n\n")
		} else {
			fmt.Fprint(w, "As an ordinary process (a child subreaper):\n\n")
		}
		all := withBare(peers)
		times, err := measureStart(all, p.startRounds, asPID1, programs.trivial)
		if err != nil {
			return err
		}
		startTable(all, times).write(w)
	}
	return nil
}

func measureStart(peers []peer, rounds int, asPID1 bool, command []string) ([]startTimes, error) {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	attr := &syscall.ProcAttr{Env: environment, Files: []uintptr{null.Fd(), null.Fd(), null.Fd()}, Sys: &syscall.SysProcAttr{}}
	if asPID1 {
		attr.Sys.Cloneflags = syscall.CLONE_NEWPID
	}
	times := make([]startTimes, len(peers))
	err = inTurns(rounds, len(peers), func(i int) error {
		wall, cpu, err := startOnce(peers[i].argv(asPID1, command), attr)
		if err != nil {
			return fmt.Errorf("cannot run %s: %w", peers[i].name, err)
		}
		times[i].wall = append(times[i].wall, wall)
		times[i].cpu = append(times[i].cpu, cpu)
		return nil
	})
	return times, err
}

func startOnce(argv []string, attr *syscall.ProcAttr) (wall, cpu float64, err error) {
	begin := time.Now()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return 0, 0, err
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	for {
		if _, err = syscall.Wait4(pid, &status, 0, &usage); err != syscall.EINTR {
			break
		}
	}
	wall = time.Since(begin).Seconds() * 1e3
	if err == nil && status != 0 {
		err = fmt.Errorf("wait status %#x", int(status))
	}
	return wall, float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6, err
}

func startTable(peers []peer, times []startTimes) *table {
	t := &table{head: []string{"init", "wall", "wall min", "added wall", "CPU", "CPU min", "added CPU", "CPU : bare", "CPU : tini", "added CPU : tini"}}
	base := times[0]
	var tini startTimes
	for i, p := range peers {
		if p.name == reference {
			tini = times[i]
		}
	}
	added := func(s startTimes) float64 {
		if s.cpu == nil {
			return 0
		}
		return median(differences(s.cpu, base.cpu))
	}
	for i, p := range peers {
		s := times[i]
		t.add(p.name, number(median(s.wall), 2), number(minimum(s.wall), 2), number(median(differences(s.wall, base.wall)), 2),
			number(median(s.cpu), 2), number(minimum(s.cpu), 2), number(added(s), 2),
			ratio(median(s.cpu), median(base.cpu)), ratio(median(s.cpu), median(tini.cpu)), ratio(added(s), added(tini)))
	}
	return t
}
