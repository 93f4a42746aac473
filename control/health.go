package control

// HealthRequest asks whether apps are well.
type HealthRequest struct {
	// Check is ready (default): they can do their work; live: none has given up; startup: they have come up once.
	Check   string   `json:"check,omitempty"`
	Targets []string `json:"targets,omitempty"` // none: all that should run
	All     bool     `json:"all,omitempty"`     // without targets: those aside, too
}

// HealthReply is the answer, and its reasons.
type HealthReply struct {
	Healthy bool        `json:"healthy"`
	Apps    []AppHealth `json:"apps"`
}

// AppHealth is one app's.
type AppHealth struct {
	App     string `json:"app"`
	Healthy bool   `json:"healthy"`
	Reason  string `json:"reason"`          // "2 of 4 workers ready", "failed"
	Aside   bool   `json:"aside,omitempty"` // nobody expects it to run, so it is only asked after by its name
}

// What is asked after.
const (
	checkReady   = "ready"
	checkLive    = "live"
	checkStartup = "startup"
)

func health(c *call, r HealthRequest) (HealthReply, error) {
	switch r.Check {
	case "":
		r.Check = checkReady
	case checkReady, checkLive, checkStartup:
	default:
		return HealthReply{}, invalid("check", "check: %q is none of ready, live and startup", clip(r.Check))
	}
	s := c.server.supervisor.Snapshot()
	targets, err := s.targets(r.Targets)
	if err != nil {
		return HealthReply{}, err
	}
	answer := HealthReply{Healthy: true, Apps: []AppHealth{}}
	for i := range s.Apps {
		a := &s.Apps[i]
		var of []Target
		for _, t := range targets {
			if t.App == a.Name {
				of = append(of, t)
			}
		}
		named := len(of) > 0
		if !named && (len(targets) > 0 || a.Own) {
			continue
		}
		if !named {
			of = []Target{{a.Name, WholeApp}}
		}
		h, counts := a.health(r.Check == checkLive, alone(s.selected(of)))
		h.Aside = !counts && !named
		if h.Aside && !r.All {
			continue
		}
		s.Info.judge(r.Check, &h)
		answer.Healthy = answer.Healthy && (h.Healthy || h.Aside)
		answer.Apps = append(answer.Apps, h)
	}
	if s.Info.State == "stopping" && r.Check == checkReady {
		answer.Healthy = false
	}
	return answer, nil
}

// judge is what goinit as a whole has to say to it. At an ordered stop nothing is ready: apps may serve on (shutdown.delay),
// for those who come all the same. What has come up once stays so.
func (i *Info) judge(check string, h *AppHealth) {
	switch {
	case check == checkReady && i.State == "stopping":
		h.Healthy, h.Reason = false, "goinit is stopping"
	case check == checkStartup && i.State != "booting":
		h.Healthy, h.Reason = true, "started"
	}
}

// health judges an app by its workers. One that is ready makes an app ready: during a restart or a rolling reload
// the others do its work. counts is false for what nobody expects to run: stopped by hand, a job between runs.
func (a *App) health(live bool, workers []Worker) (h AppHealth, counts bool) {
	h.App = a.Name
	ready, failed := 0, 0
	states := make(map[State]int)
	for _, w := range workers {
		if w.Ready {
			ready++
		}
		if w.State == Failed {
			failed++
		}
		states[w.State]++
	}
	job := a.Spec != nil && a.Spec.Job()
	atRest := states[Completed] + states[Scheduled]
	switch {
	case failed == len(workers) || live && failed > 0:
		h.Reason = "failed"
	case live:
		h.Healthy, h.Reason = true, "alive"
	case atRest == len(workers):
		h.Healthy, h.Reason = true, string(workers[0].State)
	case job && states[Stopped] < len(workers): // it is not expected to run, and its end is what it is for
		h.Healthy, h.Reason = true, string(workers[0].State)
	case ready > 0:
		h.Healthy, h.Reason = true, countOf(ready, len(workers), "ready")
	case states[Stopped] == len(workers):
		h.Reason = "stopped"
		return h, false
	default:
		h.Reason = countOf(0, len(workers), "ready")
		if len(workers) == 1 {
			h.Reason = string(workers[0].State)
		}
	}
	return h, true
}

func countOf(n, of int, what string) string {
	if of == 1 {
		return what
	}
	return Errorf("", "%d of %d workers %s", n, of, what).Message
}
