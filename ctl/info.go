package ctl

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
)

func infoVerb(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "info",
		Short: "goinit itself: where it runs, what it read, what this place does not let it do",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			ctx, cancel := s.context(c.Context())
			defer cancel()
			answers, err := ask[control.InfoReply](ctx, s, "Info", nil)
			if err != nil && len(answers) == 0 {
				return err
			}
			var all []control.Info
			for _, a := range answers {
				all = append(all, a.value.Info)
			}
			human := func(bool) error {
				for i := range all {
					if i > 0 {
						if err := s.print("\n"); err != nil {
							return err
						}
					}
					if err := s.info(&all[i]); err != nil {
						return err
					}
				}
				return nil
			}
			if !s.all && len(all) == 1 {
				return s.value("table", all[0], human)
			}
			return cmp.Or(list(s, "table", all, human), err)
		},
	}
}

// cgroups tells what there is, and what would give the rest.
func (s *session) cgroups(t *table, c *control.Cgroups) {
	text := c.Mode
	switch {
	case c.Usable:
		text += ", one for each worker, below " + c.Place
		if len(c.Controllers) > 0 {
			text += ": " + strings.Join(c.Controllers, " ")
		}
	case c.Place != "":
		text += ", at " + c.Place
	}
	t.add("cgroups", human.Printable(text))
	if c.Missing != "" {
		t.add("", "  missing: "+human.Printable(c.Missing))
	}
	if c.Remedy != "" {
		t.add("", "  "+human.Printable(c.Remedy))
	}
}

func (s *session) info(i *control.Info) error {
	t := &table{}
	t.add("instance", i.Instance)
	t.add("version", i.Version)
	t.add("pid", strconv.Itoa(i.PID)+", "+i.Role)
	t.add("state", i.State+", up "+human.Span(s.now().Sub(i.StartedAt)))
	t.add("directory", i.WorkingDir)
	if i.Spec == "" {
		t.add("spec", "none")
	} else if i.SpecAt == nil {
		t.add("spec", i.Spec)
	} else {
		t.add("spec", i.Spec+", applied "+human.Span(s.now().Sub(*i.SpecAt))+" ago")
	}
	t.add("socket", i.Socket)
	if i.OwnLog != "" {
		t.add("own log", i.OwnLog)
	}
	t.add("clients", fmt.Sprintf("%d; %d dropped, %d refused so far", i.Clients, i.Dropped, i.Refused))
	t.add("orphans", fmt.Sprintf("%d reaped", i.Orphans))
	s.cgroups(t, &i.Cgroups)
	for n, l := range i.Limitations {
		key := ""
		if n == 0 {
			key = "limitations"
		}
		t.add(key, l.What)
		t.add("", "  "+l.Remedy)
	}
	return t.print(s.stdout)
}
