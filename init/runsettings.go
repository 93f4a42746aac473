package pid1

import (
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"goinit/cgroup"
	"goinit/init/entry"
	"goinit/messages"
	"goinit/reaper"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

// budget is how long an ordered stop may take: 0 is without a limit.
func (r *runner) budget(s *spec.Spec) time.Duration {
	if t := s.Shutdown.Timeout; t != nil {
		return time.Duration(*t)
	}
	if text, ok := r.getenv("GOINIT_STOP_TIMEOUT"); ok && text != "" {
		d, err := spec.ParseDuration(text)
		if err == nil {
			return time.Duration(d)
		}
		r.messages.Warn("GOINIT_STOP_TIMEOUT: "+err.Error(), nil)
	}
	if cgroup.InKubernetes(r.getenv) {
		return kubernetesBudget
	}
	if r.role == reaper.PID1 {
		return dockerBudget
	}
	return 0
}

// cpus is what workers: auto counts: the quota of CPU time, rounded down, at least 1; without one the CPUs we may run on.
func cpus() int {
	n := 1
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil {
		n = max(1, set.Count())
	}
	if quota, ok := cgroup.Quota(); ok {
		n = max(1, min(n, int(math.Floor(quota))))
	}
	return n
}

func fieldsOf(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}

// workersOOMScore is a little more than our own: where memory is short a worker dies before its init (proc_pid_oom_score_adj(5)).
// nil: it is not known, or cannot be more.
func workersOOMScore() *int {
	const more, most = 10, 1000
	words := fieldsOf("/proc/self/oom_score_adj")
	if len(words) != 1 {
		return nil
	}
	own, err := strconv.Atoi(words[0])
	if err != nil || own+more > most {
		return nil
	}
	own += more
	return &own
}

// givenLimits is what goinit was started with of the limits that the Go runtime raises for itself; none where it is not known.
func givenLimits() []reaper.Limit {
	n := entry.NoFile()
	if n.Hard == 0 {
		return nil
	}
	return []reaper.Limit{{Resource: unix.RLIMIT_NOFILE, Soft: n.Soft, Hard: n.Hard}}
}

func formatOf(s *spec.Spec) messages.Format {
	switch s.Messages.Format {
	case "json":
		return messages.JSON
	case "text":
		return messages.Text
	}
	for _, a := range s.Apps {
		if a.Logs.Console == "json" {
			return messages.JSON
		}
	}
	return messages.Text
}

// forget drops the lines of an app that has left for good.
func (r *runner) forget(app string) {
	if r.appSpec(app) == nil {
		r.console.Forget(app)
	}
}

// applied is told that another spec counts now.
func (r *runner) applied(s *spec.Spec) {
	now := time.Now()
	r.spec.Store(s)
	r.specAt.Store(&now)
	plan(r.console, s.Apps)
	if level, err := messages.ParseLevel(s.Messages.Level); err == nil {
		r.messages.SetLevel(level)
	}
	r.messages.SetFormat(formatOf(s))
}
