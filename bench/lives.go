package main

import (
	"fmt"
	"io"
	"time"
)

// life is a supervisor from its start to its end, all rounds of it: ms, and KiB.
type life struct {
	startWall, startCPU, stopWall, stopCPU []float64
	processes                              []float64
	memory                                 [quantities][]float64
}

// reportLives starts each supervisor with each number of apps, reads its memory, and stops it.
func reportLives(w io.Writer, p runPlan, peers []*supervisor, programs *programSet) error {
	fmt.Fprintf(w, "## Memory, start and stop with %s apps\n\nMedian of %d rounds. Memory is that of all processes of the supervisor "+
		"together (smaps_rollup), in KiB, %.1f s after the last start; not that of the apps. RSS counts a page that several processes share several times, PSS once. *Start* is from the supervisor's "+
		"own start to the first instruction of the last app, *stop* from the signal for an ordered stop until nothing is left, in ms. CPU is "+
		"that of everything, the apps' own start and end included.\n\n", numbers(p.apps), p.lives, p.settleSeconds)
	all := make([][]life, len(p.apps))
	for k, n := range p.apps {
		all[k] = make([]life, len(peers))
		fmt.Fprintf(w, "%d %s:\n\n", n, plural(n, "app"))
		inTurnsBut(w, p.lives, len(peers), func(i int) error {
			return all[k][i].live(peers[i], n, p.settleSeconds, programs)
		})
		memoriesTable(peers, all[k]).write(w)
		startStopTable(peers, all[k]).write(w)
	}
	if len(p.apps) > 1 {
		first, last := 0, len(p.apps)-1
		fmt.Fprintf(w, "What one more app costs the supervisor, from %d to %d apps, KiB:\n\n", p.apps[first], p.apps[last])
		slopeTable(peers, all[first], all[last], p.apps[last]-p.apps[first]).write(w)
	}
	return nil
}

func (l *life) live(s *supervisor, n int, settle float64, programs *programSet) error {
	b, err := openBed(s, n, programs)
	if err != nil {
		return err
	}
	defer b.close()
	last, err := b.allStarted()
	if err != nil {
		return err
	}
	c, err := b.countApart()
	if err != nil {
		return err
	}
	if c.Apps != n {
		return fmt.Errorf("%s: %d of %d apps run", s.name, c.Apps, n)
	}
	startCPU := c.Spent
	time.Sleep(time.Duration(settle * float64(time.Second)))
	if c, err = b.countApart(); err != nil {
		return err
	}
	wall, total, err := b.shutDown()
	if err != nil {
		return err
	}
	l.startWall = append(l.startWall, float64(last-b.begin)/1e6)
	l.startCPU = append(l.startCPU, startCPU/1e6)
	l.stopWall = append(l.stopWall, wall)
	l.stopCPU = append(l.stopCPU, (total-c.Spent)/1e6)
	l.processes = append(l.processes, float64(c.Supervisor))
	for q, x := range c.Memory {
		l.memory[q] = append(l.memory[q], x)
	}
	return nil
}

func memoriesTable(peers []*supervisor, lives []life) *table {
	t := &table{head: []string{"supervisor", "RSS", "PSS", "private dirty", "RSS : " + base, "PSS : " + base, "private dirty : " + base,
		"processes", "threads"}}
	for i, s := range peers {
		m, o := lives[i].memory, lives[0].memory
		t.add(s.name, value(m[rss], 0), value(m[pss], 0), value(m[privateDirty], 0),
			times(m[rss], o[rss]), times(m[pss], o[pss]), times(m[privateDirty], o[privateDirty]),
			value(lives[i].processes, 0), value(m[threads], 0))
	}
	return t
}

func startStopTable(peers []*supervisor, lives []life) *table {
	t := &table{head: []string{"supervisor", "start", "start CPU", "start : " + base, "CPU : " + base,
		"stop", "stop CPU", "stop : " + base, "CPU : " + base}}
	for i, s := range peers {
		l, o := lives[i], lives[0]
		t.add(s.name, value(l.startWall, 1), value(l.startCPU, 1), times(l.startWall, o.startWall), times(l.startCPU, o.startCPU),
			value(l.stopWall, 1), value(l.stopCPU, 1), times(l.stopWall, o.stopWall), times(l.stopCPU, o.stopCPU))
	}
	return t
}

func slopeTable(peers []*supervisor, few, many []life, apps int) *table {
	t := &table{head: []string{"supervisor", "RSS", "PSS", "private dirty", "PSS : " + base, "private dirty : " + base}}
	slope := func(i int, q quantity) []float64 {
		if few[i].memory[q] == nil || many[i].memory[q] == nil {
			return nil
		}
		return []float64{(median(many[i].memory[q]) - median(few[i].memory[q])) / float64(apps)}
	}
	for i, s := range peers {
		t.add(s.name, value(slope(i, rss), 1), value(slope(i, pss), 1), value(slope(i, privateDirty), 1),
			times(slope(i, pss), slope(0, pss)), times(slope(i, privateDirty), slope(0, privateDirty)))
	}
	return t
}
