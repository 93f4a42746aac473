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
	detach bool     // --detach
	empty  bool     // --empty: no spec; apps come by goinit ctl add
	watch  bool     // --watch: apps that do not say
	part   []string // apps and @tags of the spec: no others are started; empty: all
	main   []string // behind --: a command that is the main app, beside the spec's
}

const runUsage = `usage: goinit run [-f FILE] [-C DIR] [-N NAME] [--socket PATH] [--watch] [--detach] [APP|@TAG…] [-- CMD [ARG…]]
  -f, --file FILE       the spec: YAML, a Procfile, or compiled JSON
                        (default: $GOINIT_SPEC, goinit.json and goinit.yaml in /etc/goinit, ./goinit.yaml, ./Procfile; as PID 1 in
                        this order, elsewhere ./ comes first)
  -C, --directory DIR   start there
  -N, --name NAME       this goinit's name, for goinit ctl -N
      --socket PATH     of the control socket
      --watch           replaces workers when their files change, as watch: true in the spec; not of apps that have a watch: of their own
      --detach          as a daemon; returns when its apps have started, or says why not
      --empty           without a spec: apps come by goinit ctl add, and goinit stays until goinit ctl shutdown
  APP, @TAG             only these apps of the spec, with those that they depend on
  -- CMD                runs CMD as the main app beside the spec's: its end is goinit's, with its status
exit status: the main app's, or that of the app that ended goinit; 1 if there is nothing that could be run; 64 usage
  of --detach: 0 when all apps have started, else 1 or that of the goinit that has ended`

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
			return o, false, o.contradiction()
		case word == "-h" || word == "--help":
			return nil, true, nil
		case word == "--detach" && !given:
			o.detach = true
		case word == "--empty" && !given:
			o.empty = true
		case word == "--watch" && !given:
			o.watch = true
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
		case !partName(word):
			return nil, false, &usageError{"run " + strconv.Quote(word) + ": neither an app (web) nor a tag (@backend)",
				"a command goes behind --: goinit run -- " + word}
		default:
			o.part = append(o.part, word)
		}
	}
	return o, false, o.contradiction()
}

// contradiction is what cannot be meant together.
func (o *runOptions) contradiction() error {
	switch {
	case o.empty && o.file != "":
		return &usageError{"--empty is without a spec, -f " + o.file + " names one", "leave one of them out"}
	case o.empty && len(o.part) > 0:
		return &usageError{"--empty is without a spec, " + o.part[0] + " is a part of one", "leave one of them out"}
	}
	return nil
}

// partName reports whether a word can be an app's name or a tag: what cannot is a command that lacks its --.
func partName(word string) bool {
	name := strings.TrimPrefix(word, "@")
	return name != "" && name == control.CleanName(name)
}
