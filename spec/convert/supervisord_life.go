package convert

import (
	"slices"
	"strings"
	"time"
)

// restarts: supervisord's unexpected is on-failure. What gives up has to leave the others alone, as it does there.
func (p *program) restarts() error {
	value, o, err := p.get("autorestart")
	if err != nil {
		return err
	}
	policy := "on-failure"
	switch v := strings.ToLower(value); {
	case o == nil || v == "unexpected" || p.isVariable("autorestart", value):
	case slices.Contains(truths, v):
		policy = "always"
	case slices.Contains(falsehoods, v):
		policy = "no"
	default:
		return o.at.mistake("autorestart: %q is none of true, false, unexpected", clip(notation(value)))
	}
	p.set("restart.policy", policy, "autorestart")
	codes, o, err := p.get("exitcodes")
	if err != nil {
		return err
	}
	if o != nil && policy != "always" {
		p.successCodes(codes)
	}
	uptime, o, err := p.number("startsecs", 1)
	if err != nil {
		return err
	}
	if o != nil && uptime != 1 {
		p.startSeconds(uptime, policy)
	}
	retries, o, err := p.number("startretries", 3)
	if err != nil {
		return err
	}
	switch {
	case o == nil:
	case policy == "no":
		p.tell("startretries=%d: with autorestart=false goinit does not start it again", retries)
	case uptime <= 0:
		p.tell("startretries=%d: with startsecs=0 no start counts as failed", retries)
	case retries <= 0:
		p.tell("startretries=%d: max_restarts: 0 would give up at any exit, not at an early one only", retries)
	default:
		p.set("restart.max_restarts", retries, "startretries")
		p.set("restart.window", restartWindow(retries, time.Duration(uptime)*time.Second), "startretries")
	}
	if policy == "no" || p.find("restart.max_restarts") != nil {
		p.set("on_failure", "ignore", "autorestart").comment = "as supervisord, which goes on"
	}
	return nil
}

func (p *program) successCodes(value string) {
	var all list
	for code := range strings.SplitSeq(value, ",") {
		all = append(all, notation(strings.TrimSpace(code)))
	}
	p.set("restart.success_codes", all, "exitcodes")
}

// startSeconds: there is no such state as "has not been up long enough"; what it decides is when the pause begins anew.
func (p *program) startSeconds(n int, policy string) {
	switch {
	case n <= 0:
		p.tell("startsecs=%d: a worker is ready once its program is executed, unless readiness: says otherwise", n)
	case policy == "no":
		p.tell("startsecs=%d: it decides on restarts only, and there are none", n)
	default:
		p.set("restart.reset_after", milliseconds(float64(n)*1000), "startsecs")
	}
}

func (p *program) stop() error {
	value, o, err := p.get("stopsignal")
	if err != nil {
		return err
	}
	if o != nil && !p.isVariable("stopsignal", value) {
		name, ok := signalName(value)
		if !ok {
			return o.at.mistake("stopsignal: %q is no signal", clip(notation(value)))
		}
		p.set("stop.signal", name, "stopsignal")
	}
	if err := p.stopTimeout(); err != nil {
		return err
	}
	tree, _, err := p.truth("stopasgroup", false)
	if err != nil {
		return err
	}
	if tree {
		p.set("stop.target", "tree", "stopasgroup")
	}
	kill, o, err := p.truth("killasgroup", tree)
	if err == nil && o != nil && !kill {
		p.tell("killasgroup=false: SIGKILL always takes the tree")
	}
	return err
}

func (p *program) stopTimeout() error {
	if given, err := p.handOn("stopwaitsecs", "stop.timeout", "s"); given || err != nil {
		return err
	}
	seconds, o, err := p.number("stopwaitsecs", 10)
	if err != nil || o == nil || seconds < 0 {
		return err
	}
	p.set("stop.timeout", milliseconds(float64(seconds)*1000), "stopwaitsecs")
	if seconds > 28 {
		p.find("stop.timeout").comment = "goinit itself ends within shutdown: {timeout: …}"
	}
	return nil
}
