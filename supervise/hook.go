package supervise

import (
	"strconv"
	"strings"

	"goinit/signame"
	"goinit/supervise/app"
)

// hooked makes of a worker's work that of a hook of it.
func hooked(w Work, e app.Start) Work {
	w.Given.Environment = []string{"GOINIT_HOOK=" + e.Hook.String()}
	if e.Hook == app.BeforeStart {
		w.Argv = w.App.Hooks.BeforeStart
		return w
	}
	w.Argv = w.App.Hooks.AfterExit
	code, sig := strconv.Itoa(e.Exit.Code), ""
	if e.Exit.Signal != 0 {
		code, sig = "", signame.Of(e.Exit.Signal)
	}
	w.Given.Environment = append(w.Given.Environment, "GOINIT_EXIT_CODE="+code, "GOINIT_EXIT_SIGNAL="+sig,
		"GOINIT_EXIT_STATUS="+strconv.Itoa(e.Exit.Status()), "GOINIT_EXIT_REASON="+string(e.Exit.Reason))
	return w
}

// firstLine is what of a text has its place in another's line.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
