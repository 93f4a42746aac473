package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// drainTimes are the rounds of one init, in ms.
type drainTimes struct{ wall, cpu []float64 }

// reportDrain compares how the inits reap a crowd of orphans.
func reportDrain(w io.Writer, p plan, peers []peer, programs *programSet) error {
	fmt.Fprintf(w, "## Reaping %d orphans as PID 1\n\nMedian of %d rounds, ms. CPU is the init's own.\n\n", p.orphans, p.drainRounds)
	if programs.orphans == nil {
		fmt.Fprint(w, "Not measured: without a C compiler there is no maker of orphans.\n\n")
		return nil
	}
	command := append(programs.orphans[:1:1], strconv.Itoa(p.orphans))
	for _, standing := range []bool{false, true} {
		if standing {
			fmt.Fprint(w, "They are all zombies when the init, stopped until then by SIGSTOP, goes on:\n\n")
		} else {
			fmt.Fprint(w, "They all die at once, the init is awake:\n\n")
		}
		times := make([]drainTimes, len(peers))
		err := inTurns(p.drainRounds, len(peers), func(i int) error {
			wall, cpu, err := drainOnce(peers[i], command, standing)
			times[i].wall = append(times[i].wall, wall)
			times[i].cpu = append(times[i].cpu, cpu)
			return err
		})
		if err != nil {
			return err
		}
		drainTable(peers, times, p.orphans).write(w)
	}
	return nil
}

func drainOnce(p peer, command []string, standing bool) (wall, cpu float64, err error) {
	r, err := startPID1(p, command)
	if err != nil {
		return 0, 0, err
	}
	defer r.stop()
	if _, err := r.answer(); err != nil { // all orphans are there
		return 0, 0, err
	}
	time.Sleep(100 * time.Millisecond)
	before := cpuOf(r.pid())
	var begin int64
	if standing {
		begin, err = drainStanding(r, &before)
	} else {
		begin, err = drainAwake(r)
	}
	if err != nil {
		return 0, 0, err
	}
	end, err := r.answer()
	return float64(end-begin) / 1e6, (cpuOf(r.pid()) - before) / 1e6, err
}

// drainAwake lets the orphans die; time begins when they may.
func drainAwake(r *running) (begin int64, err error) {
	_ = r.ask()
	_ = r.ask()
	if begin, err = r.answer(); err != nil {
		return 0, err
	}
	_, err = r.answer()
	return begin, err
}

// drainStanding stops the init, lets the orphans die, and continues it; time and its CPU time begin then.
func drainStanding(r *running, before *float64) (begin int64, err error) {
	if err := syscall.Kill(r.pid(), syscall.SIGSTOP); err != nil {
		return 0, err
	}
	if err := awaitStop(r.pid()); err != nil {
		return 0, err
	}
	_ = r.ask()
	for range 2 {
		if _, err := r.answer(); err != nil {
			return 0, err
		}
	}
	time.Sleep(300 * time.Millisecond) // they were about to exit: now they have
	*before = cpuOf(r.pid())
	_ = r.ask()
	begin = now()
	return begin, syscall.Kill(r.pid(), syscall.SIGCONT)
}

func awaitStop(pid int) error {
	for range 1000 {
		status, err := os.ReadFile(procPath(pid, "status"))
		if err != nil {
			return err
		}
		if strings.Contains(string(status), "State:\tT") {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("cannot stop process %d", pid)
}

func drainTable(peers []peer, times []drainTimes, orphans int) *table {
	t := &table{head: []string{"init", "time", "time min", "time : tini", "CPU", "CPU min", "CPU : tini", "CPU µs an orphan"}}
	var tini drainTimes
	for i, p := range peers {
		if p.name == reference {
			tini = times[i]
		}
	}
	for i, p := range peers {
		s := times[i]
		t.add(p.name, number(median(s.wall), 1), number(minimum(s.wall), 1), ratio(median(s.wall), median(tini.wall)),
			number(median(s.cpu), 1), number(minimum(s.cpu), 1), ratio(median(s.cpu), median(tini.cpu)),
			number(median(s.cpu)*1e3/float64(orphans), 2))
	}
	return t
}
