package ctl

import (
	"fmt"

	"github.com/spf13/cobra"

	"goinit/control"
	"goinit/ctl/human"
)

func eventsVerb(s *session) *cobra.Command {
	var again bool
	var since string
	verb := &cobra.Command{
		Use:   "events [TARGET...]",
		Short: "what happened",
		RunE: func(c *cobra.Command, args []string) error {
			in := control.EventsRequest{Targets: args, Follow: again}
			var err error
			if in.Since, err = s.instant("since", since); err != nil {
				return err
			}
			format, err := s.format("table")
			if err != nil {
				return err
			}
			return follow(c.Context(), s, again, "Events", in, func(instance string, r control.EventsReply) error {
				switch {
				case r.Event == nil:
					return nil
				case format == "json" || format == "yaml":
					r.Event.Instance = instance
					return s.object(r.Event)
				}
				return s.event(instance, r.Event)
			})
		},
	}
	verb.Flags().BoolVarP(&again, "follow", "f", false, "go on with what happens")
	verb.Flags().StringVar(&since, "since", "", "from then on: a time, or how long ago (10m)")
	return s.completeTargets(verb)
}

func (s *session) event(instance string, e *control.Event) error {
	name := human.EventName(e)
	if instance != "" {
		name = instance + ":" + name
	}
	return s.print(fmt.Sprintf("%s  %-10s  %s%s\n", e.At.Format("2006-01-02T15:04:05.000Z07:00"), name, e.Type, human.EventData(e)))
}
