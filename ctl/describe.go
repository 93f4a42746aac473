package ctl

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
	"goinit/spec"
)

func describeVerb(s *session) *cobra.Command {
	var show bool
	verb := &cobra.Command{
		Use:   "describe TARGET...",
		Short: "everything about an app or a worker; a pid may be any of its tree",
		Args:  targetsWanted,
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := s.context(c.Context())
			defer cancel()
			answers, err := ask[control.DescribeReply](ctx, s, "Describe", control.DescribeRequest{Targets: args, ShowEnvironment: show})
			if err != nil && len(answers) == 0 {
				return err
			}
			var all []control.Description
			for _, a := range answers {
				for _, d := range a.value.Apps {
					d.Instance = a.instance
					all = append(all, d)
				}
			}
			return cmp.Or(list(s, "table", all, func(bool) error {
				for i, d := range all {
					if i > 0 {
						if err := s.print("\n"); err != nil {
							return err
						}
					}
					if err := s.describe(&d); err != nil {
						return err
					}
				}
				return nil
			}), err)
		},
	}
	verb.Flags().BoolVar(&show, "show-environment", false, "with the environment's values; never a secret's")
	return s.completeTargets(verb)
}

// describe prints an app: what it is asked to be, then its workers.
func (s *session) describe(d *control.Description) error {
	t := &table{}
	add := func(key, value string) {
		if value != "" {
			t.add(key, human.Printable(value))
		}
	}
	add("app", d.App)
	add("instance", d.Instance)
	if d.Spec != nil {
		s.describeSpec(d.Spec, add)
	}
	add("waits for", strings.Join(d.WaitsFor, ", "))
	if len(d.Workers) > 1 {
		describeUse(d.Stats, nil, "", add)
	}
	for i := range d.Workers {
		w := &d.Workers[i]
		if w.Worker == nil {
			add("state", string(w.State)+" for "+human.Span(s.now().Sub(w.StateSince)))
			continue
		}
		t.add("")
		add("worker", w.Name())
		ready := ", not ready"
		if w.Ready {
			ready = ", ready"
		}
		add("  state", string(w.State)+ready+", for "+human.Span(s.now().Sub(w.StateSince)))
		add("  why", w.Message)
		if w.PID != nil {
			add("  pid", number(w.PID))
		}
		if w.StartedAt != nil {
			add("  started", w.StartedAt.Format("2006-01-02T15:04:05.999Z07:00")+", "+human.Span(s.now().Sub(*w.StartedAt))+" ago")
		}
		add("  generation", fmt.Sprintf("%d, %s", w.Generation, human.Plural(w.Restarts, "restart")))
		if w.NextAt != nil {
			add("  next", "in "+human.Span(w.NextAt.Sub(s.now())))
		}
		if w.LastExit != nil {
			add("  last exit", fmt.Sprintf("%s, status %d, %s ago", human.ExitText(w.LastExit), w.LastExit.Status, human.Span(s.now().Sub(w.LastExit.At))))
		}
		describeUse(d.Stats, w.Slot, "  ", add)
	}
	s.describeRuns(d.Runs, add)
	return t.print(s.stdout)
}

func (s *session) describeSpec(a *spec.App, add func(key, value string)) {
	add("command", words(a.Command))
	add("directory", a.WorkingDir)
	add("user", a.User)
	add("tags", strings.Join(a.Tags, ", "))
	for i, v := range a.Environment {
		key := ""
		if i == 0 {
			key = "environment"
		}
		value := v.Name + "=" + v.Value
		if v.File != "" {
			value = v.Name + " from " + v.File
		}
		add(key, value)
	}
	for i, d := range a.DependsOn {
		key := ""
		if i == 0 {
			key = "depends on"
		}
		add(key, d.App+": "+d.Condition)
	}
	describeProbes(a, add)
	describeLimits("limits", "each worker: ", &a.Resources.Limits, add)
	if a.Resources.Total != nil {
		describeLimits("", "all together: ", a.Resources.Total, add)
	}
	describeSchedule(a, add)
	add("on failure", a.OnFailure)
	if a.Stop.Signal != "" {
		add("stop", a.Stop.Signal+" to the "+a.Stop.Target)
	}
}

// describeProbes says how one finds out whether it is well, and what is run around it.
func describeProbes(a *spec.App, add func(key, value string)) {
	kind := func(http, tcp string, exec []string) string {
		switch {
		case http != "":
			return http
		case tcp != "":
			return "tcp " + tcp
		}
		return "exec " + words(exec)
	}
	if r := a.Readiness; r != nil {
		text := kind(r.HTTP, r.TCP, r.Exec)
		switch {
		case r.Notify:
			text = "notify"
		case r.FD > 0:
			text = fmt.Sprintf("a newline on descriptor %d", r.FD)
		case r.Listening > 0:
			text = fmt.Sprintf("it listens on port %d", r.Listening)
		case r.Log != "":
			text = "a line that matches " + r.Log
		}
		add("readiness", fmt.Sprintf("%s, within %v", text, r.StartTimeout))
	}
	if l := a.Liveness; l != nil {
		text := kind(l.HTTP, l.TCP, l.Exec)
		switch {
		case l.Heartbeat > 0:
			text = fmt.Sprintf("a heartbeat every %v", l.Heartbeat)
		case l.Silence > 0:
			text = fmt.Sprintf("a line every %v", l.Silence)
		default:
			text += fmt.Sprintf(" every %v", l.Period)
		}
		add("liveness", text+", else "+l.Action)
	}
	if len(a.Hooks.BeforeStart) > 0 {
		add("before start", words(a.Hooks.BeforeStart))
	}
	if len(a.Hooks.AfterExit) > 0 {
		add("after exit", words(a.Hooks.AfterExit))
	}
}

// words shows a command so that a shell would read the same.
func words(command []string) string {
	quoted := make([]string, len(command))
	for i, w := range command {
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\$&|;<>()*?[]#~`!{}") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}
