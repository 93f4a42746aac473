package ctl

import (
	"context"
	"errors"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"goinit/control"
)

func execVerb(s *session) *cobra.Command {
	verb := &cobra.Command{
		Use:   "exec TARGET -- CMD [ARG...]",
		Short: "run a program with a worker's environment, user and directory",
		Long: "Run a program with a worker's environment, user and directory, on a terminal if this is one. The exit status is the\n" +
			"program's. When goinit ctl ends first, so does the program.",
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			program := args[1:]
			if program[0] == "--" {
				program = program[1:]
			}
			if len(program) == 0 {
				return targetsWanted(c, nil)
			}
			client, err := s.one("exec")
			if err != nil {
				return err
			}
			defer client.Close()
			status, err := s.exec(c.Context(), client, control.ExecRequest{Target: args[0], Args: program})
			if err != nil {
				return err
			}
			if status != 0 {
				return exit{status: status}
			}
			return nil
		},
	}
	verb.Flags().SetInterspersed(false) // the program's flags are its own
	return s.completeTargets(verb)
}

func (s *session) exec(ctx context.Context, client *control.Client, in control.ExecRequest) (int, error) {
	ctx, stop := signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer stop() // the terminal is to be restored first
	files := s.files
	if isTerminal(files[0]) && isTerminal(files[1]) {
		t, err := openTerminal(files[0], files[1])
		if err != nil {
			return 0, failed("cannot make a terminal: %w", err)
		}
		defer t.close()
		in.Terminal = true
		if term := s.getenv("TERM"); term != "" {
			in.Environment = []string{"TERM=" + term}
		}
		files = [3]int{t.slave, t.slave, t.slave}
	}
	var r control.ExecReply
	err := client.Call(ctx, "Exec", in, &r, files[:]...)
	if errors.Is(err, context.Canceled) {
		return 0, failed("interrupted")
	}
	return r.Exit.Status, err
}
