package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"goinit/integration/bed"
)

// The budgets of goinit's ordered stop that examples stand beside.
const kubernetesBudget = 28 * time.Second

// Every spec in the repository that a user may copy has no mistakes.
func TestRunExampleSpecs(t *testing.T) {
	specs, err := filepath.Glob("../examples/*/goinit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := filepath.Glob("images/*/goinit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(specs) == 0 || len(ours) == 0 {
		t.Fatal("no spec was found: this tests nothing")
	}
	for _, spec := range append(specs, ours...) {
		if r := (client{}).run(t, "check", "-f", spec); r.Status != 0 {
			t.Errorf("%s: status %d", spec, r.Status)
		}
	}
}

// pod is what the test wants to know of the manifest.
type pod struct {
	Spec struct {
		Grace      *int `yaml:"terminationGracePeriodSeconds"`
		Containers []struct {
			Startup   *probe `yaml:"startupProbe"`
			Readiness *probe `yaml:"readinessProbe"`
			Liveness  *probe `yaml:"livenessProbe"`
		}
	}
}

type probe struct{ Exec struct{ Command []string } }

// compose is what the test wants to know of the compose file.
type compose struct {
	Services map[string]struct {
		Environment map[string]string
		Grace       string `yaml:"stop_grace_period"`
		Healthcheck struct{ Test []string }
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// Who kills everything when its time is over has to come after goinit, which stops in order and tells.
func TestRunExampleGrace(t *testing.T) {
	var p pod
	read(t, "../examples/kubernetes/pod.yaml", &p)
	if p.Spec.Grace == nil || time.Duration(*p.Spec.Grace)*time.Second <= kubernetesBudget {
		t.Errorf("the pod's grace period is %v, wanted more than goinit's %v", p.Spec.Grace, kubernetesBudget)
	}
	var c compose
	read(t, "../examples/compose/compose.yaml", &c)
	if len(c.Services) == 0 {
		t.Fatal("the compose file has no services")
	}
	for name, s := range c.Services {
		grace, err := time.ParseDuration(s.Grace)
		if err != nil {
			t.Fatal(err)
		}
		budget, err := time.ParseDuration(s.Environment["GOINIT_STOP_TIMEOUT"])
		if err != nil {
			t.Fatal(err)
		}
		if grace <= budget {
			t.Errorf("%s: the grace period %v has to be longer than goinit's %v", name, grace, budget)
		}
	}
}

// The image of the examples, run as the compose file and the pod have it, and asked by their probes.
func TestRunExampleImage(t *testing.T) {
	e := docker(t)
	const image = "goinit-test/example"
	text, err := os.ReadFile("../examples/docker/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines != 4 {
		t.Errorf("the Dockerfile has %d lines; README and examples say four", lines)
	}
	dir := "../examples/docker/"
	buildImage(t, e, image, contextOf(t, dir+"Dockerfile", dir+"goinit.yaml", dir+"server.js", dir+"tick.sh"))
	var p pod
	read(t, "../examples/kubernetes/pod.yaml", &p)
	var c compose
	read(t, "../examples/compose/compose.yaml", &c)
	pod := p.Spec.Containers[0]
	shop := c.Services["shop"]
	for _, place := range []struct {
		name   string
		flags  []string
		probes [][]string
		budget string
	}{
		{"docker", nil, [][]string{{"goinit", "ctl", "health"}}, "9s"},
		{"not PID 1", []string{"--init"}, [][]string{{"goinit", "ctl", "health"}}, ""},
		{"compose", []string{"--read-only", "--tmpfs", "/run", "--env", "GOINIT_STOP_TIMEOUT=" + shop.Environment["GOINIT_STOP_TIMEOUT"]},
			[][]string{shop.Healthcheck.Test[1:]}, "28s"},
		{"pod", []string{"--read-only", "--user", "12345:12345", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
			"--env", "KUBERNETES_SERVICE_HOST=127.0.0.1"},
			[][]string{pod.Startup.Exec.Command, pod.Readiness.Exec.Command, pod.Liveness.Exec.Command}, "28s"},
	} {
		t.Run(place.name, func(t *testing.T) {
			c := e.Detach(t, append(slices.Clone(place.flags), image)...)
			c.Expect(t, "listening on 8080")
			c.Expect(t, "tick")
			for _, probe := range place.probes {
				bed.Wait(t, strings.Join(probe, " ")+" to succeed", func() (bool, string) {
					r := e.Quiet(t, append([]string{"exec", c.ID}, probe...)...)
					return r.Status == 0, r.Stdout + r.Stderr
				})
			}
			e.Must(t, "exec", c.ID, "goinit", "ctl", "ps")
			// The probes can tell: with an app that has stopped by itself for ever, goinit would end; with one that was
			// stopped by hand, it is named.
			e.Must(t, "exec", c.ID, "goinit", "ctl", "stop", "tick")
			if r := e.Run(t, "exec", c.ID, "goinit", "ctl", "health", "tick"); r.Status != 1 {
				t.Errorf("health of a stopped app: status %d, wanted 1", r.Status)
			}
			r, status := c.Stop(t)
			if status != 0 || r.Took > soon {
				t.Errorf("status %d after %v", status, r.Took)
			}
			logs := c.Logs(t)
			bed.InOrder(t, logs, "closed")
			if place.budget != "" {
				bed.InOrder(t, logs, "stopping everything: SIGTERM, within "+place.budget)
			}
		})
	}
}
