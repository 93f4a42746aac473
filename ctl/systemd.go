package ctl

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"goinit/control"
)

// unitText is a user unit, as systemd.service(5) wants it. What is in it and why:
//
//   - Type=notify: goinit says READY=1 when its apps have started, so that what is ordered after it finds them;
//   - KillMode=mixed: SIGTERM for goinit alone, which stops its apps in their order;
//   - GOINIT_STOP_TIMEOUT is below TimeoutStopSec: goinit kills and tells before systemd does and does not;
//   - Delegate=yes: goinit makes a cgroup for each worker;
//   - OOMPolicy=continue: a worker that the kernel kills is goinit's to restart, and no reason to stop all.
const unitText = `# Runs goinit in %[1]s as a service of this user:
#   goinit ctl init --systemd > ~/.config/systemd/user/%[2]s.service
#   systemctl --user daemon-reload
#   systemctl --user enable --now %[2]s
#   loginctl enable-linger        # from the start of the machine on, and after log-out
[Unit]
Description=%[2]s, kept running by goinit
Documentation=man:goinit(8)

[Service]
Type=notify
WorkingDirectory=%[3]s
ExecStart=%[4]s
ExecReload=%[5]s
Environment=GOINIT_STOP_TIMEOUT=80s
TimeoutStartSec=infinity
TimeoutStopSec=90s
KillMode=mixed
Delegate=yes
OOMPolicy=continue
Restart=on-failure

[Install]
WantedBy=default.target
`

// unit is a unit for the goinit of this working directory.
func (s *session) unit(file string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", failed("init: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		return "", failed("init: %v", err)
	}
	name := cmp.Or(s.name, control.CleanName(filepath.Base(dir)))
	words := []string{filepath.Join(filepath.Dir(self), "goinit"), "run", "-N", name}
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return "", failed("init: %v", err)
		}
		if _, err := os.Stat(file); err != nil {
			return "", failed("init: -f: %v", err)
		}
		words = append(words, "-f", file)
	}
	reload := []string{words[0], "ctl", "-N", name, "apply"}
	if s.socket != "" {
		words = append(words, "--socket", s.socket)
		reload = []string{words[0], "ctl", "--socket", s.socket, "apply"}
	}
	if strings.ContainsAny(dir, "\n\r") {
		return "", failed("init: the name of this directory has a newline in it, which no unit can hold")
	}
	// WorkingDirectory= takes the rest of the line as it is, but for %.
	return fmt.Sprintf(unitText, dir, name, strings.ReplaceAll(dir, "%", "%%"), unitWords(words), unitWords(reload)), nil
}

func unitWords(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = unitWord(word)
	}
	return strings.Join(quoted, " ")
}

// unitWord writes a word of a command line as systemd.service(5) reads it.
func unitWord(word string) string {
	quoted := strings.NewReplacer(`%`, `%%`, `$`, `$$`, `\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(word)
	if strings.ContainsAny(word, " \t\n\"';\\") {
		return `"` + quoted + `"`
	}
	return quoted
}
