package control

// HealthRequest asks whether apps are well.
type HealthRequest struct {
	Check   string   `json:"check,omitempty"`   // ready (default): they can do their work; live: none has given up
	Targets []string `json:"targets,omitempty"` // none: all that should run
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
	Reason  string `json:"reason"` // "2 of 4 workers ready", "failed"
}

func health(c *call, r HealthRequest) (HealthReply, error) {
	if r.Check != "" && r.Check != "ready" && r.Check != "live" {
		return HealthReply{}, invalid("check", "check: %q is neither ready nor live", clip(r.Check))
	}
	s := c.server.supervisor.Snapshot()
	targets, err := s.targets(r.Targets)
	if err != nil {
		return HealthReply{}, err
	}
	answer := HealthReply{Healthy: true, Apps: []AppHealth{}}
	for i := range s.Apps {
		var of []Target
		for _, t := range targets {
			if t.App == s.Apps[i].Name {
				of = append(of, t)
			}
		}
		if len(of) == 0 && len(targets) > 0 {
			continue
		}
		if len(of) == 0 {
			of = []Target{{s.Apps[i].Name, WholeApp}}
		}
		h, counts := s.Apps[i].health(r.Check == "live", alone(s.selected(of)))
		if !counts && len(targets) == 0 {
			continue
		}
		answer.Healthy = answer.Healthy && h.Healthy
		answer.Apps = append(answer.Apps, h)
	}
	if s.Info.State == "stopping" && r.Check != "live" { // they may serve on (shutdown.delay), for those who come all the same
		answer.Healthy = false
		for i := range answer.Apps {
			answer.Apps[i].Healthy, answer.Apps[i].Reason = false, "goinit is stopping"
		}
	}
	return answer, nil
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
