package control

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"time"

	"goinit/spec"
)

// DescribeRequest asks for everything about apps and workers. A pid may be any of a worker's tree.
type DescribeRequest struct {
	Targets         []string `json:"targets"`
	ShowEnvironment bool     `json:"show_environment,omitempty"` // the values too; for those who may write
}

// DescribeReply is an entry an app.
type DescribeReply struct {
	Apps []Description `json:"apps"`
}

// Description is an app: what it was asked to be, and what it is.
type Description struct {
	Instance string    `json:"instance,omitempty"`
	App      string    `json:"app"`
	WaitsFor []string  `json:"waits_for"`
	Workers  []Worker  `json:"workers"` // those that were asked for
	Stats    []Stats   `json:"stats"`   // what the app uses, if it was asked for, then these workers
	Runs     []Run     `json:"runs"`    // of a job: the last ones, the newest last
	Spec     *spec.App `json:"spec"`    // values of its environment are ***
}

// Run is a run of a job.
type Run struct {
	Worker     string     `json:"worker"`
	Generation int        `json:"generation"`
	StartedAt  time.Time  `json:"started_at"`
	EndedAt    *time.Time `json:"ended_at"` // null: it is not over
	Exit       *Exit      `json:"exit"`     // null: it is not over
}

func describe(c *call, r DescribeRequest) error {
	if r.ShowEnvironment && c.client.peer.access != write {
		return Errorf(NotAllowed, "the environment's values are shown to root and goinit's own user")
	}
	if len(r.Targets) == 0 {
		return invalid("targets", "targets: what is to be described?")
	}
	s := c.server.supervisor.Snapshot()
	words := slices.Clone(r.Targets)
	for i, w := range words {
		words[i] = s.ownerOf(w)
	}
	targets, err := s.targets(words)
	if err != nil {
		return err
	}
	return replyList(c, "apps", false, func(yield func(Description) bool) {
		for i := range s.Apps {
			a := &s.Apps[i]
			var of []Target
			for _, t := range targets {
				if t.App == a.Name {
					of = append(of, t)
				}
			}
			if len(of) == 0 {
				continue
			}
			d := Description{App: a.Name, WaitsFor: append([]string{}, a.WaitsFor...), Workers: slices.Collect(c.measured(s, s.rows(of))),
				Stats: slices.AppendSeq([]Stats{}, c.statsOf(s, of)), Runs: append([]Run{}, a.Runs...), Spec: concealed(a.Spec, r.ShowEnvironment)}
			if !yield(d) {
				return
			}
		}
	})
}

// ownerOf turns a pid of a worker's tree into the worker's: it climbs from parent to parent. Another word stays.
func (s *Snapshot) ownerOf(word string) string {
	const deepest = 64
	pid, err := strconv.Atoi(word)
	for range deepest {
		if err != nil || pid <= 1 {
			break
		}
		if t, e := s.byPID(word, pid); e == nil {
			return t[0].String()
		}
		pid, err = parentOf(pid)
	}
	return word
}

// parentOf reads the fourth field of proc_pid_stat(5); the second may hold anything, but ends with the last ")".
func parentOf(pid int) (int, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 2 {
		return 0, os.ErrInvalid
	}
	return strconv.Atoi(string(f[1]))
}

// concealed is a copy without the values of the environment. Those of secrets are not in it to begin with.
func concealed(a *spec.App, show bool) *spec.App {
	if a == nil || show {
		return a
	}
	c := *a
	c.Environment = slices.Clone(a.Environment)
	for i := range c.Environment {
		if c.Environment[i].File == "" {
			c.Environment[i].Value = "***"
		}
	}
	return &c
}
