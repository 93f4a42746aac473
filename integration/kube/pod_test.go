package kube

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
)

// lastWords is a spec whose main app ends, and greedy an app that wants more memory than it may have, once it is started.
const (
	lastWords = "name: once\napps:\n  web: {shell: 'echo last words; exit 3', main: true}\n  side: {command: sleep 1000}\n"
	greedy    = "  greedy: {command: [tail, /dev/zero], enabled: false, restart: 'no', on_failure: ignore, resources: {memory: 32MiB}}\n"
)

// One kubelet, and on it the pod of deploy/kubernetes as it stands, and its variants. A kubelet's second is its tick: all pods
// come up at once, and are looked at one after the other.
func TestKubelet(t *testing.T) {
	k := bed.Kubelet(t)
	shop(t, k)

	pod := static(t, "shop", specOf(t, base))
	quick(t, pod)
	plain := k.Static(t, "shop", "shop", pod)

	pod = static(t, "shared", specOf(t, base))
	merge(pod, at(t, overlay(t, "shared-processes"), "spec", "template"))
	containers := at(t, pod, "spec")["containers"].([]any)
	at(t, pod, "spec")["containers"] = append(containers, object{"name": "other", "image": "shop:1", "command": []string{"/bin/sleep", "1000"}})
	shared := k.Static(t, "shared", "shop", pod)

	pod = static(t, "privileged", specOf(t, "components/limits")+greedy)
	merge(pod, at(t, overlay(t, "privileged"), "spec", "template"))
	at(t, pod, "spec", "containers", "0", "resources", "limits")["cpu"] = "1500m"
	privileged := k.Static(t, "privileged", "shop", pod)

	pod = static(t, "once", lastWords)
	at(t, pod, "spec")["restartPolicy"] = "Never"
	unasked(t, pod)
	once := k.Static(t, "once", "shop", pod)

	t.Run("main ends", func(t *testing.T) { ended(t, once) })
	t.Run("restricted", func(t *testing.T) { restricted(t, plain) })
	t.Run("readiness", func(t *testing.T) { flips(t, plain) })
	t.Run("out of memory", func(t *testing.T) { outOfMemory(t, privileged) })
	t.Run("shared processes", func(t *testing.T) { sharedProcesses(t, shared) })
	t.Run("liveness", func(t *testing.T) { unwell(t, plain) })
	t.Run("stop", func(t *testing.T) { removed(t, plain) })
}

// ended: the main app's status is the container's, and why it ended stands in the pod's status.
func ended(t *testing.T, p *bed.Pod) {
	status := p.Wait(t, "the container to end", func(c bed.ContainerStatus) bool { return c.State.Terminated != nil })
	how := status.Container("shop").State.Terminated
	t.Logf("the pod's status: %s, terminated: %+v", status.Phase, *how)
	if status.Phase != "Failed" || how.ExitCode != 3 || how.Reason != "Error" || !strings.HasPrefix(how.Message, "status 3: main app web ended with status 3") {
		t.Errorf("phase %s, %+v", status.Phase, *how)
	}
}

// restricted: goinit is PID 1, as some user whom nothing belongs to, without any capability, on a file system that is read-only.
func restricted(t *testing.T, p *bed.Pod) {
	p.WaitReady(t, true)
	info := p.Must(t, "goinit", "ctl", "info")
	for _, part := range []string{"1, PID 1", "/run/goinit/shop.sock", "/sys/fs/cgroup is mounted read-only here"} {
		if !strings.Contains(info, part) {
			t.Errorf("info does not say %q", part)
		}
	}
	if strings.Contains(info, "docker run") {
		t.Error("info takes the kubelet's container for Docker's")
	}
	own := p.Must(t, "cat", "/proc/1/status")
	for _, line := range []string{"Uid:\t12345\t12345\t12345\t12345", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(own, line+"\n") {
			t.Errorf("PID 1 has no %q", line)
		}
	}
	if _, err := p.Exec(t, "touch", "/app/file"); err == nil {
		t.Error("the file system is not read-only")
	}
	if n := strings.Count(p.Must(t, "goinit", "ctl", "ps", "web"), "running"); n != 2 {
		t.Errorf("%d workers of web, wanted 2: the limit is 2 CPUs", n)
	}
	if kept := p.Must(t, "goinit", "ctl", "logs", "web", "-n", "1", "-o", "raw"); kept != "listening on 8080\n" {
		t.Errorf("logs of web: %q", kept)
	}
}

// flips: the pod is ready while the worker is.
func flips(t *testing.T, p *bed.Pod) {
	p.WaitReady(t, true)
	p.Must(t, "goinit", "ctl", "signal", "STOP", "db")
	p.WaitReady(t, false)
	_, err := p.Exec(t, "goinit", "ctl", "health", "--ready")
	if err == nil {
		t.Error("health says that all is well")
	}
	p.Must(t, "goinit", "ctl", "signal", "CONT", "db")
	p.WaitReady(t, true)
}

// row is what a test wants of ps -o json.
type row struct {
	Worker   string
	PID      int
	State    string
	LastExit *struct{ Reason string } `json:"last_exit"`
}

func rows(t *testing.T, p *bed.Pod, app string) (all []row) {
	t.Helper()
	text, err := p.Exec(t, "goinit", "ctl", "-o", "json", "ps", app)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// outOfMemory: a worker that wants more memory than it may have is killed alone, and the container goes on.
func outOfMemory(t *testing.T, p *bed.Pod) {
	p.WaitReady(t, true)
	p.Must(t, "goinit", "ctl", "info")
	if n := len(rows(t, p, "web")); n != 1 {
		t.Errorf("%d workers of web, wanted 1: the limit is 1.5 CPUs", n)
	}
	p.Must(t, "goinit", "ctl", "start", "greedy", "--no-wait")
	bed.Wait(t, "greedy to be killed", func() (bool, string) {
		all := rows(t, p, "greedy")
		return all[0].LastExit != nil && all[0].LastExit.Reason == "oom-killed", all[0].State
	})
	p.Must(t, "goinit", "ctl", "ps")
	p.Must(t, "goinit", "ctl", "rm", "greedy")
	if c := p.WaitReady(t, true).Container("shop"); c.RestartCount != 0 {
		t.Errorf("the container was restarted: %+v", c)
	}
}

// sharedProcesses: PID 1 is the pod's. goinit reaps as a subreaper, and ends nobody who is not its own.
func sharedProcesses(t *testing.T, p *bed.Pod) {
	p.WaitReady(t, true)
	info := p.Must(t, "goinit", "ctl", "info")
	if strings.Contains(info, "PID 1") || !strings.Contains(info, "subreaper") {
		t.Errorf("info: %s", info)
	}
	p.Must(t, "goinit", "ctl", "shutdown", "--no-wait", "--status", "7")
	status := p.Wait(t, "the container to be started again", func(c bed.ContainerStatus) bool { return c.RestartCount == 1 && c.State.Running != nil })
	if how := status.Container("shop").LastState.Terminated; how.ExitCode != 7 || how.Reason != "Error" {
		t.Errorf("it ended: %+v", *how)
	}
	if c := status.Container("other"); c.State.Running == nil || c.RestartCount != 0 {
		t.Errorf("the container beside it: %+v", c)
	}
}

// unwell: an app that has given up is what the liveness probe is for. The kubelet restarts the container: first the hook, then
// TERM, then an ordered stop.
func unwell(t *testing.T, p *bed.Pod) {
	p.WaitReady(t, true)
	p.Must(t, "goinit", "ctl", "add", "fragile", "--no-wait", "--restart", "no", "--", "false")
	began := time.Now()
	status := p.Wait(t, "the container to be started again", func(c bed.ContainerStatus) bool { return c.RestartCount == 1 && c.State.Running != nil })
	how := status.Container("shop").LastState.Terminated
	t.Logf("restarted within %v: %+v", time.Since(began).Round(time.Millisecond), *how)
	if how.ExitCode != 0 || !strings.HasPrefix(how.Message, "status 0: SIGTERM") {
		t.Errorf("%+v", *how)
	}
	p.WaitReady(t, true)
}

// removed: the hook, TERM, and an ordered stop within the grace period, in which nothing is killed.
func removed(t *testing.T, p *bed.Pod) {
	p.WaitReady(t, true)
	before := len(p.Log())
	p.Remove(t)
	bed.Wait(t, "the end", func() (bool, string) {
		log := p.Log()[before:]
		return strings.Contains(log, "the end, with status"), log
	})
	log := p.Log()[before:]
	t.Logf("the pod wrote from its removal on:\n%s", log)
	bed.InOrder(t, log, // goinit's own words; those of its apps come by another pipe
		"the hook was run\n",
		"stopping everything: SIGTERM, within 25s; for 3s not ready, and serving on",
		"everything is asked to stop now",
		"goinit: web/",
		"goinit: db/0 exited with status 0",
		"the end, with status 0: SIGTERM\n")
	bed.InOrder(t, log, "Received SIGTERM scheduling shutdown", "Redis is now ready to exit")
	for line := range strings.Lines(log) { // the gateway has half a second, which a busy machine may not have for it
		if strings.Contains(line, "killed") && !strings.HasPrefix(line, "goinit: goinit.gateway/0") {
			t.Errorf("something had to be killed: %s", line)
		}
	}
}
