package pid1

import (
	"strconv"
	"strings"

	"goinit/control"
)

// runOptions are those of goinit run.
type runOptions struct {
	file   string   // -f: the spec; empty: looked for
	dir    string   // -C: where to start
	name   string   // -N
	socket string   // --socket
	watch  bool     // --watch: apps that do not say
	main   []string // behind --: a command that is the main app, beside the spec's
}

const runUsage = `usage: goinit run [-f FILE] [-C DIR] [-N NAME] [--socket PATH] [--watch] [-- CMD [ARG…]]
  -f, --file FILE       the spec: YAML, a Procfile, or compiled JSON
                        (default: $GOINIT_SPEC, goinit.json and goinit.yaml in /etc/goinit, ./goinit.yaml, ./Procfile; as PID 1 in
                        this order, elsewhere ./ comes first)
  -C, --directory DIR   start there
  -N, --name NAME       this goinit's name, for goinit ctl -N
      --socket PATH     of the control socket
      --watch           replaces workers when their files change, as watch: true in the spec; not of apps that have a watch: of their own
  -- CMD                runs CMD as the main app beside the spec's: its end is goinit's, with its status
exit status: the main app's, or that of the app that ended goinit; 1 if there is nothing that could be run; 64 usage`

// parseRunOptions reads what is behind run.
func parseRunOptions(args []string) (o *runOptions, help bool, err error) {
	o = &runOptions{}
	values := map[string]*string{"-f": &o.file, "--file": &o.file, "-C": &o.dir, "--directory": &o.dir, "-N": &o.name, "--name": &o.name,
		"--socket": &o.socket}
	for i := 0; i < len(args); i++ {
		word, value, given := strings.Cut(args[i], "=")
		if !strings.HasPrefix(word, "--") {
			word, given = args[i], false
		}
		switch {
		case word == "--":
			o.main = args[i+1:]
			if len(o.main) == 0 {
				return nil, false, &usageError{"-- without a command", "goinit run -- CMD [ARG…]"}
			}
			return o, false, nil
		case word == "-h" || word == "--help":
			return nil, true, nil
		case word == "--watch" && !given:
			o.watch = true
		case word == "--detach":
			return nil, false, &usageError{word + " is not available yet", "run it in the foreground, or below another process manager"}
		case values[word] != nil:
			if !given {
				if i++; i == len(args) {
					return nil, false, &usageError{word + " needs a value", "goinit run --help"}
				}
				value = args[i]
			}
			if value == "" {
				return nil, false, &usageError{word + " needs a value that is not empty", "goinit run --help"}
			}
			if values[word] == &o.name && control.CleanName(value) != value {
				return nil, false, &usageError{word + " " + strconv.Quote(value) + " is not a name", "letters, digits, dot, dash and underscore"}
			}
			*values[word] = value
		case strings.HasPrefix(word, "-"):
			return nil, false, &usageError{"unknown flag " + word + " of run", "all of them: goinit run --help"}
		default:
			return nil, false, &usageError{"run " + word + ": a part of the apps is not available yet",
				"a command goes behind --: goinit run -- " + word}
		}
	}
	return o, false, nil
}
