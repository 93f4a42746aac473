package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/reaper"
	"goinit/spec"
	"goinit/supervise"

	"golang.org/x/sys/unix"
)

func ptr[T any](v T) *T { return &v }

// What an app asks for is what its worker is: the worker is the witness.
func TestAttributes(t *testing.T) {
	if !reaper.NativeFork {
		t.Skip("this build forks with syscall.ForkExec, which cannot do it")
	}
	if !inside(t, asPID1) {
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // other users work in it
		t.Fatal(err)
	}
	accounts := Accounts{Passwd: filepath.Join(dir, "passwd"), Group: filepath.Join(dir, "group")}
	write(t, accounts.Passwd, "root:x:0:0:root:/root:/bin/sh\nbroken\nweb:x:4711:4712::/srv/web:/bin/sh\n")
	write(t, accounts.Group, "root:x:0:\nweb:x:4712:\nlog:x:4713:web,other\nextra:x:4714:\nbad:x:y:web\n")
	secret := filepath.Join(dir, "secret")
	write(t, secret, "hush\n")
	environment := []string{"PATH=" + os.Getenv("PATH"), "INHERITED=yes", "HOME=/root", "GOINIT_STOP_TIMEOUT=5s", "NOTIFY_SOCKET=/x", "LISTEN_FDS=3", "NODE_CHANNEL_FD=3", "WATCHDOG_USEC=1", "GOINIT_WORKER=other/0"}
	status := func(field string) string { return "grep ^" + field + ": /proc/self/status | tr '\\t' ' '" }
	const docker10 = "grep ^Cap...: /proc/self/status | cut -f2 | tr '\\n' ' '"
	for _, c := range []struct {
		name, script string
		change       func(*spec.App)
		want         string
	}{
		{"user", status("Uid") + ";" + status("Gid") + ";" + status("Groups") + "; echo $HOME $USER $LOGNAME", func(a *spec.App) { a.User = "web"; a.GroupAdd = []string{"extra", "99"} },
			"Uid: 4711 4711 4711 4711\nGid: 4712 4712 4712 4712\nGroups: 99 4713 4714 \n/srv/web web web"},
		{"uid of a user", "echo $HOME $USER;" + status("Gid"), func(a *spec.App) { a.User = "4711" }, "/srv/web web\nGid: 4712 4712 4712 4712"},
		{"uid without an entry", "echo $HOME $USER;" + status("Uid") + ";" + status("Gid") + ";" + status("Groups"), func(a *spec.App) { a.User = "12345" },
			"/ 12345\nUid: 12345 12345 12345 12345\nGid: 0 0 0 0\nGroups:  "},
		{"uid:gid", status("Gid") + ";" + status("Groups"), func(a *spec.App) { a.User = "web:54321" }, "Gid: 54321 54321 54321 54321\nGroups:  "},
		{"user with its own HOME", "echo $HOME", func(a *spec.App) { a.User = "web"; a.Environment = []spec.Variable{{Name: "HOME", Value: "/tmp"}} }, "/tmp"},
		{"group_add alone", status("Uid") + ";" + status("Groups"), func(a *spec.App) { a.GroupAdd = []string{"extra"} }, "Uid: 0 0 0 0\nGroups: 4714 "},
		{"working_dir", "pwd", func(a *spec.App) { a.WorkingDir = "/usr/bin" }, "/usr/bin"},
		{"relative working_dir", "pwd", func(a *spec.App) { a.WorkingDir = "." }, dir},
		{"umask", "umask", func(a *spec.App) { a.Umask = "0027" }, "0027"},
		{"nice", "nice", func(a *spec.App) { a.Nice = ptr(5) }, "5"},
		{"ionice", "ionice", func(a *spec.App) { a.IONice = "best-effort:6" }, "best-effort: prio 6"},
		{"idle ionice", "ionice", func(a *spec.App) { a.IONice = "idle" }, "idle"},
		{"oom_score_adj", "cat /proc/self/oom_score_adj", func(a *spec.App) { a.OOMScoreAdj = ptr(321) }, "321"},
		{"ulimits", "ulimit -Sn; ulimit -Hn; ulimit -c", func(a *spec.App) {
			a.Ulimits = map[string]spec.Ulimit{"nofile": {Soft: 77, Hard: 99}, "core": {}}
		}, "77\n99\n0"},
		{"no_new_privileges", status("NoNewPrivs"), func(a *spec.App) { a.NoNewPrivileges = true }, "NoNewPrivs: 1"},
		{"no capabilities", docker10, func(a *spec.App) { a.Capabilities.Drop = []string{"ALL"} },
			"0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 "},
		{"root with one capability", docker10, func(a *spec.App) {
			a.Capabilities = spec.Capabilities{Drop: []string{"ALL"}, Add: []string{"NET_BIND_SERVICE"}}
		},
			"0000000000000000 0000000000000400 0000000000000400 0000000000000400 0000000000000000 "},
		{"user with one capability", docker10, func(a *spec.App) {
			a.User = "web"
			a.Capabilities = spec.Capabilities{Drop: []string{"ALL"}, Add: []string{"CAP_NET_BIND_SERVICE"}}
		},
			"0000000000000400 0000000000000400 0000000000000400 0000000000000400 0000000000000400 "},
		{"environment", "env | grep -v '^PWD=\\|^PATH=\\|^_=\\|^SHLVL=' | sort", func(a *spec.App) {
			a.Environment = []spec.Variable{{Name: "B", Value: "spec"}, {Name: "PASSWORD", File: secret}, {Name: "GOINIT_SLOT", Value: "9"}}
			a.EnvFile = []spec.EnvFile{{Path: "my.env", Required: true}}
			a.Increment = map[string]int{"PORT": 8080}
		}, "A=file\nB=spec\nGOINIT_APP=web\nGOINIT_BOOT_ID=boot-TestAttributes/environment\nGOINIT_GENERATION=1\nGOINIT_SLOT=0\nGOINIT_WORKER=web/0\nHOME=/root\nINHERITED=yes\nPASSWORD=hush\nPORT=8080"},
		{"nothing inherited", "env | grep -c INHERITED", func(a *spec.App) { a.InheritEnvironment = false }, "0"},
		{"stdin", "readlink /proc/self/fd/0", func(*spec.App) {}, "/dev/null"},
		{"descriptors", "ls /proc/self/fd | tr '\\n' ' '", func(*spec.App) {}, "0 1 2 3 "}, // 3 is ls's own
		{"session", `read -r stat </proc/$$/stat; set -- $stat; [ $5 = $$ ] && [ $6 = $$ ] && echo own`, func(*spec.App) {}, "own"},
		{"signals", status("SigBlk") + ";" + status("SigIgn"), func(*spec.App) {}, "SigBlk: 0000000000000000\nSigIgn: " + ignoredHere(t)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, func(s *Starter) {
				s.Accounts, s.Environment, s.Dir = accounts, environment, dir
				s.ReadSecret = func(path string) (string, error) {
					text, err := os.ReadFile(path)
					return strings.TrimSuffix(string(text), "\n"), err
				}
				s.ReadEnvFile = func(path string, required bool, get func(string) (string, bool)) ([]spec.Variable, error) {
					if path != dir+"/my.env" {
						t.Errorf("env_file is read from %s", path)
					}
					return []spec.Variable{{Name: "A", Value: "file"}, {Name: "B", Value: "file"}}, nil
				}
			}, shell("web", c.script, c.change))
			<-b.ended
			b.pipes.wait.Wait()
			if got := strings.TrimSuffix(b.pipes.said("web/0"), "\n"); got != c.want {
				t.Errorf("got:\n%q\nwant:\n%q\nlast exit: %+v", got, c.want, b.state("web/0").LastExit)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What cannot be done is said, and nothing is started.
func TestStartsThatAreRefused(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	asInDocker(t)
	for _, c := range []struct {
		name, want string
		change     func(*spec.App)
		status     int
	}{
		{"no such user", `there is no user "nobody-knows" in /etc/passwd`, func(a *spec.App) { a.User = "nobody-knows" }, 126},
		{"no such group", `there is no group "nobodies" in /etc/group`, func(a *spec.App) { a.GroupAdd = []string{"nobodies"} }, 126},
		{"capability that goinit has not", "goinit has no SYS_ADMIN itself: docker run --cap-add SYS_ADMIN", func(a *spec.App) { a.Capabilities.Add = []string{"SYS_ADMIN"} }, 126},
		{"no such capability", `there is no "FLY"`, func(a *spec.App) { a.Capabilities.Drop = []string{"FLY"} }, 126},
		{"no such ulimit", `there is no "files"`, func(a *spec.App) { a.Ulimits = map[string]spec.Ulimit{"files": {}} }, 126},
		{"ulimit", "soft limit 2 is above the hard limit 1", func(a *spec.App) { a.Ulimits = map[string]spec.Ulimit{"core": {Soft: 2, Hard: 1}} }, 126},
		{"ionice", "best-effort:4", func(a *spec.App) { a.IONice = "best-effort:8" }, 126},
		{"umask", "octal", func(a *spec.App) { a.Umask = "888" }, 126},
		{"no such program", `exec "no-such-program": no such file`, func(a *spec.App) { a.Command = []string{"no-such-program"} }, 127},
		{"a directory", `exec "/tmp": permission denied`, func(a *spec.App) { a.Command = []string{"/tmp"} }, 126},
		{"no such directory", `change to directory "/no/where"`, func(a *spec.App) { a.WorkingDir = "/no/where" }, 126},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t, nil, shell("web", "exit 0", c.change))
			o := <-b.ended
			w := b.state("web/0")
			if o.Status != c.status || w.LastExit == nil || w.LastExit.Reason != "start-failed" || !strings.Contains(w.LastExit.Error, c.want) {
				t.Errorf("outcome %+v, last exit %+v, want %q", o, w.LastExit, c.want)
			}
		})
	}
}

// An exit is told as it was.
func TestExits(t *testing.T) {
	if !inside(t, asSubreaper) {
		return
	}
	for script, want := range map[string]string{"exit 3": "3 exited", "kill -KILL $$": "137 signaled SIGKILL", "exit 0": "0 exited"} {
		b := newBed(t, nil, shell("web", script))
		<-b.ended
		x := b.state("web/0").LastExit
		got := strings.TrimSpace(strings.Join([]string{string(rune('0'+x.Status/100)) + string(rune('0'+x.Status/10%10)) + string(rune('0'+x.Status%10)), x.Reason}, " "))
		if x.Signal != nil {
			got += " " + *x.Signal
		}
		if got = strings.TrimLeft(got, "0"); strings.TrimLeft(want, "0") != got {
			t.Errorf("%s: %s, want %s", script, got, want)
		}
	}
}

// Many crashes at once: none is lost, and nothing of goinit grows.
func TestCrashes(t *testing.T) {
	if !inside(t, asPID1) {
		return
	}
	var apps []spec.App
	for i := range 100 {
		apps = append(apps, shell("app"+strings.Repeat("x", i), "exit 1", func(a *spec.App) {
			a.Command = []string{"/bin/false"}
			a.Restart.Policy, a.Restart.Delay, a.Restart.MaxDelay = "always", 1, 1
		}))
	}
	b := newBed(t, nil, apps...)
	restarts := func() (least int) {
		least = 1 << 30
		for _, w := range b.Snapshot() {
			least = min(least, w.Restarts)
		}
		return least
	}
	eventually(t, "each has been restarted 3 times", func() bool { return restarts() >= 3 })
	files := descriptors(t)
	eventually(t, "each has been restarted 10 times", func() bool { return restarts() >= 10 })
	if now := descriptors(t); now > files+200 { // a pipe each is open at any time
		t.Errorf("%d descriptors, %d before", now, files)
	}
	b.do(t, supervise.Stop{Targets: []string{"all"}})
	if s := strangers(t); len(s) > 0 {
		t.Errorf("left: %q", s)
	}
	for _, w := range b.Snapshot() {
		if w.Generation != w.Restarts+1 {
			t.Errorf("%s: generation %d after %d restarts", *w.Worker, w.Generation, w.Restarts)
		}
	}
	var status unix.WaitStatus
	if pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: %d %v", pid, err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// ignoredHere is what this process ignores, and so its children: it is init that makes them start clean.
func ignoredHere(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "SigIgn:\t")
	mask, _, _ := strings.Cut(rest, "\n")
	return mask
}
