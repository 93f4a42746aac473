package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// quantity is something that is read of a process, in the order of the table.
type quantity int

const (
	rss quantity = iota
	pss
	anonymous
	private
	privateDirty
	pageTables
	threads
	files
	quantities
)

var quantityNames = [quantities]string{"RSS", "PSS", "anonymous", "private", "private dirty", "page tables", "threads", "fds"}

// reportMemory compares what the inits hold while their child sleeps.
func reportMemory(w io.Writer, p plan, peers []peer, programs *programSet) error {
	fmt.Fprintf(w, "## Memory as PID 1 while the child sleeps\n\nKiB, median of %d (smaps_rollup, status). *private* is "+
		"Private_Clean + Private_Dirty; what is clean is shared as soon as a second container runs the same file. PSS of a "+
		"library depends on who else maps it now.\n\n", p.memoryRounds)
	seen := make([][quantities][]float64, len(peers))
	err := inTurns(p.memoryRounds, len(peers), func(i int) error {
		now, err := measureMemory(peers[i], programs, p.settleSeconds)
		for q, x := range now {
			seen[i][q] = append(seen[i][q], x)
		}
		return err
	})
	if err != nil {
		return err
	}
	memoryTable(peers, seen).write(w)
	return nil
}

func measureMemory(p peer, programs *programSet, settle float64) (seen [quantities]float64, err error) {
	r, err := startPID1(p, programs.sleeper)
	if err != nil {
		return seen, err
	}
	defer r.stop()
	if err := r.ready(); err != nil {
		return seen, err
	}
	time.Sleep(time.Duration(settle * float64(time.Second)))
	return readMemory(r.pid())
}

func readMemory(pid int) (seen [quantities]float64, err error) {
	rollup, err := os.ReadFile(procPath(pid, "smaps_rollup"))
	if err != nil {
		return seen, err
	}
	status, err := os.ReadFile(procPath(pid, "status"))
	if err != nil {
		return seen, err
	}
	fds, err := os.ReadDir(procPath(pid, "fd"))
	if err != nil {
		return seen, err
	}
	s := string(rollup)
	seen[rss] = field(s, "Rss")
	seen[pss] = field(s, "Pss")
	seen[anonymous] = field(s, "Anonymous")
	seen[privateDirty] = field(s, "Private_Dirty")
	seen[private] = field(s, "Private_Clean") + seen[privateDirty]
	seen[pageTables] = field(string(status), "VmPTE")
	seen[threads] = field(string(status), "Threads")
	seen[files] = float64(len(fds))
	return seen, nil
}

func memoryTable(peers []peer, seen [][quantities][]float64) *table {
	t := &table{head: append([]string{"init"}, quantityNames[:]...)}
	t.head = append(t.head, "RSS : tini", "private : tini", "private dirty : tini")
	var tini [quantities][]float64
	for i, p := range peers {
		if p.name == reference {
			tini = seen[i]
		}
	}
	for i, p := range peers {
		row := []string{p.name}
		for _, values := range seen[i] {
			row = append(row, number(median(values), 0))
		}
		for _, q := range []quantity{rss, private, privateDirty} {
			row = append(row, ratio(median(seen[i][q]), median(tini[q])))
		}
		t.add(row...)
	}
	return t
}
