package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goinit/integration/bed"
)

// groupsSpec has an app without limits, one that goes on without, and one that does not.
const groupsSpec = `defaults: {on_failure: ignore, restart: {delay: 1h}}
apps:
  free: {command: sleep 1000}
  wants: {command: sleep 1000, resources: {memory: 64MiB, pids: 50, required: false}}
  needs: {command: sleep 1000, resources: {memory: 64MiB}}
`

// startGroups is docker run with a spec of the test's, until goinit runs.
func startGroups(t *testing.T, spec string, flags ...string) inContainer {
	t.Helper()
	e := docker(t)
	dir, err := os.MkdirTemp("", "spec-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	flags = append(flags, "--volume", dir+":/spec:ro", runImage, "run", "-f", "/spec/goinit.yaml")
	in := inContainer{e, e.Detach(t, flags...)}
	t.Cleanup(func() { t.Logf("the container wrote:\n%s", in.c.Logs(t)) })
	bed.Wait(t, "goinit to run", func() (bool, string) {
		r := e.Quiet(t, in.words("wait", "free", "--timeout", "10s")...)
		return r.Status == 0, r.Stdout + r.Stderr
	})
	return in
}

// cgroupsOf is what info says of them.
func (in inContainer) cgroupsOf(t *testing.T) (c struct {
	Mode                   string
	Usable                 bool
	Place, Missing, Remedy string
}) {
	t.Helper()
	info := struct{ Cgroups any }{&c}
	if err := json.Unmarshal([]byte(in.must(t, "info", "-o", "json")), &info); err != nil {
		t.Fatal(err)
	}
	return c
}

// Docker's default is a cgroup filesystem that is read-only: one line says so, and how to get more. What wants a limit that cannot be is
// told; all else works as ever (TestRunDocker is in such a container).
func TestGroupsDockerReadOnly(t *testing.T) {
	t.Run("nothing asked for", func(t *testing.T) {
		in := startGroups(t, "apps: {free: {command: sleep 1000}}\n")
		logs := in.c.Logs(t)
		const why = "goinit: no cgroups: /sys/fs/cgroup is mounted read-only here (Docker's and Kubernetes' default)\n  make it writable: docker run --"
		if strings.Count(logs, "cgroups: ") != 1 || !strings.Contains(logs, why) {
			t.Errorf("not one line of cgroups, with its remedy:\n%s", logs)
		}
		c := in.cgroupsOf(t)
		if c.Usable || !strings.Contains(c.Missing, "read-only") || !strings.Contains(c.Remedy, "docker run --") {
			t.Errorf("info says %+v", c)
		}
		in.must(t, "info")
		if stats := in.must(t, "-o", "json", "stats", "free/0"); !strings.Contains(stats, `"proc"`) {
			t.Errorf("stats says %s", stats)
		}
		in.must(t, "pause", "free")
		if r := in.worker(t, "free/0"); r.State != "paused" {
			t.Errorf("paused: %v", r)
		}
		in.must(t, "resume", "free")
		in.must(t, "restart", "free")
		if r, status := in.c.Stop(t); status != 0 || r.Took > runBudget {
			t.Errorf("status %d after %v", status, r.Took)
		}
	})
	t.Run("limits", func(t *testing.T) {
		in := startGroups(t, groupsSpec)
		bed.Wait(t, "the start of what needs its limit to fail", func() (bool, string) {
			r := in.worker(t, "needs")
			return r.LastExit != nil && r.LastExit.Reason == "start-failed", r.String()
		})
		if r := in.worker(t, "wants"); r.State != "running" {
			t.Errorf("what can do without its limit: %v", r)
		}
		logs := in.c.Logs(t)
		for _, text := range []string{"cannot limit needs to 64MiB: ", "/sys/fs/cgroup is mounted read-only here", "  make it writable: docker run --", "cannot limit wants to 64MiB"} {
			if !strings.Contains(logs, text) {
				t.Errorf("goinit did not say %q", text)
			}
		}
	})
}

// The ways to a writable cgroup that every engine has: goinit finds its own group, and gives each worker one.
func TestGroupsDockerWritable(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
	}{
		{"remount", []string{"--cap-add", "SYS_ADMIN", "--cgroupns=private"}},
		{"bind mount", []string{"--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := startGroups(t, groupsSpec, c.flags...)
			found := in.cgroupsOf(t)
			if !found.Usable || found.Missing != "" {
				t.Errorf("info says %+v", found)
			}
			in.must(t, "info")
			in.must(t, "ps")
			in.must(t, "stats")
			for _, app := range []string{"free", "wants", "needs"} {
				if r := in.worker(t, app); r.State != "running" {
					t.Errorf("%v", r)
					continue
				}
				var all []usage
				if err := json.Unmarshal([]byte(in.must(t, "-o", "json", "stats", app+"/0")), &all); err != nil || len(all) != 1 {
					t.Fatal("stats: ", err)
				}
				u := all[0]
				if u.Source != "cgroup" || !groupOf(u.Cgroup, app, 0) {
					t.Errorf("%s: %s %s", app, u.Source, u.Cgroup)
				}
				if limit := number(u.MemoryLimitBytes); (limit == 64*mib) != (app != "free") {
					t.Errorf("%s may have %d bytes", app, limit)
				}
			}
			before := in.worker(t, "needs")
			in.must(t, "restart", "needs")
			if after := in.worker(t, "needs"); *after.PID == *before.PID || after.State != "running" {
				t.Errorf("restarted: %v, then %v", before, after)
			}
			if r, status := in.c.Stop(t); status != 0 || r.Took > runBudget {
				t.Errorf("status %d after %v", status, r.Took)
			}
		})
	}
	t.Run("bind mount in a namespace", func(t *testing.T) {
		// The path of our group is seen from its own root, what is mounted from the machine's: nothing fits.
		in := startGroups(t, groupsSpec, "--cgroupns=private", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw")
		if found := in.cgroupsOf(t); found.Usable || !strings.Contains(found.Remedy, "--cgroupns=host") {
			t.Errorf("info says %+v", found)
		}
	})
}
