package ctl

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"goinit/control"
)

// addVerb makes an app of flags. Their values go to goinit as they are: it checks an app as it checks a spec's.
func addVerb(s *session) *cobra.Command {
	var workers, user, dir, restart, onFailure string
	var environment, tags, dependsOn []string
	verb := &cobra.Command{
		Use:   "add NAME [flags] -- CMD [ARG...]",
		Short: "add an app until the next start; save keeps it",
		Long:  "Adds an app until the next start; save keeps it. Where no goinit answers, one is started first, detached and without a spec.",
		Args: func(c *cobra.Command, args []string) error {
			if c.ArgsLenAtDash() != 1 || len(args) < 2 {
				return fmt.Errorf("add NAME [flags] -- CMD [ARG...]")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			app := map[string]any{"name": args[0], "command": args[1:], "on_failure": onFailure}
			for key, value := range map[string]string{"workers": workers, "user": user, "working_dir": dir, "restart": restart} {
				if value != "" {
					app[key] = value
				}
			}
			if len(tags) > 0 {
				app["tags"] = tags
			}
			if len(dependsOn) > 0 {
				app["depends_on"] = dependsOn
			}
			if len(environment) > 0 {
				variables := make(map[string]string)
				for _, e := range environment {
					name, value, ok := strings.Cut(e, "=")
					if !ok {
						value = s.getenv(name) // as docker run -e NAME
					}
					variables[name] = value
				}
				app["environment"] = variables
			}
			b, err := json.Marshal(app)
			if err != nil {
				return failed("%v", err)
			}
			if s.all {
				return fmt.Errorf("add is for one goinit: not with -A")
			}
			order := func() error {
				return s.order(c, "Add", control.AddRequest{App: b, NoWait: s.noWait, TimeoutSeconds: s.seconds()})
			}
			if err = order(); statusOf(err) != exitNoAnswer || s.goinit == nil {
				return err
			}
			if err := s.startDaemon(); err != nil {
				return err
			}
			return order()
		},
	}
	f := verb.Flags()
	f.StringVar(&workers, "workers", "", "how many, or auto")
	f.StringVar(&user, "user", "", "name, or uid[:gid]")
	f.StringVar(&dir, "working-dir", "", "where it starts")
	f.StringVar(&restart, "restart", "", "always, on-failure or no")
	f.StringVar(&onFailure, "on-failure", "ignore", "when it gives up: ignore, or shutdown goinit")
	f.StringArrayVarP(&environment, "environment", "e", nil, "NAME=VALUE, or NAME as it is here")
	f.StringSliceVar(&tags, "tags", nil, "what @TAG means")
	f.StringSliceVar(&dependsOn, "depends-on", nil, "apps that must be ready first")
	return verb
}
