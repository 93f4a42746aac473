package ctl

import (
	"fmt"

	"github.com/spf13/cobra"

	"goinit/spec/compile"
	"goinit/spec/convert"
)

func convertVerb() *cobra.Command {
	verb := &cobra.Command{
		Use:   "convert procfile|pm2|supervisord FILE [--out FILE]",
		Short: "turn another process manager's file into a goinit.yaml",
		Long: "Turn another process manager's file into a goinit.yaml. Each option becomes a key, or a comment that says why there is none.\n" +
			"An ecosystem.config.js is a program: node runs it, with all that it may do.",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return noSuchForeigner(args) },
	}
	verb.AddCommand(
		convertFrom("procfile", "lines of NAME: COMMAND, as foreman runs them", convert.Procfile),
		convertPM2(),
		convertFrom("supervisord", "a supervisord.conf, and what it includes", convert.Supervisord),
	)
	return verb
}

// noSuchForeigner answers what is not one of the three.
func noSuchForeigner(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("from what? goinit ctl convert procfile, pm2 or supervisord")
	}
	ours := map[string]string{
		"foreman": "procfile", "heroku": "procfile", "honcho": "procfile", "Procfile": "procfile Procfile", "supervisor": "supervisord", "supervisorctl": "supervisord",
		"ecosystem": "pm2", "PM2": "pm2",
	}[args[0]]
	if ours != "" {
		return fmt.Errorf("%s is %s here: goinit ctl convert %[2]s", args[0], ours)
	}
	return fmt.Errorf("cannot convert from %q: goinit ctl convert procfile, pm2 or supervisord", args[0])
}

// converter writes the spec for a foreign file.
type converter func(path string, files compile.Files) ([]byte, error)

func convertFrom(name, short string, run converter) *cobra.Command {
	var out string
	verb := &cobra.Command{
		Use: name + " FILE [--out FILE]", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return converted(c, args[0], out, run) },
	}
	verb.Flags().StringVar(&out, "out", "", "where to write the spec (default: stdout)")
	return verb
}

func convertPM2() *cobra.Command {
	var env string
	verb := convertFrom("pm2", "an ecosystem file: JavaScript, JSON or YAML", nil)
	out := verb.Flags().Lookup("out")
	verb.Flags().StringVar(&env, "env", "", "take env_NAME too, as pm2 --env NAME does")
	verb.RunE = func(c *cobra.Command, args []string) error {
		return converted(c, args[0], out.Value.String(), func(path string, files compile.Files) ([]byte, error) {
			return convert.PM2(path, files, evaluateByNode(c.Context()), env)
		})
	}
	return verb
}

func converted(c *cobra.Command, path, out string, run converter) error {
	text, err := run(path, compile.OS{})
	if err != nil {
		return failure{foreignMistake{err}}
	}
	if out == "" || out == "-" {
		_, err = c.OutOrStdout().Write(text)
	} else {
		err = writeAtomically(out, text)
	}
	if err != nil {
		return failure{fmt.Errorf("cannot write the spec: %w", err)}
	}
	return nil
}

// foreignMistake is told as it is: it begins with its file.
type foreignMistake struct{ error }
