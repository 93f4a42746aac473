// Package deploy is manifests, which users copy. The tests here read them: that specs have no mistakes, and that whoever would
// kill everything gives goinit the time that it takes for an ordered stop. Package integration/kube runs them.
package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"goinit/spec"
	"goinit/spec/compile"
)

// hookTime is what a hook has that runs a short command; one that sleeps has as long as it sleeps.
const hookTime = 2 * time.Second

// find lists the files here with a name that ends so.
func find(t *testing.T, suffix string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, suffix) {
			all = append(all, path)
		}
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("no %s: %v", suffix, err)
	}
	return all
}

// disk is compile.Files.
type disk struct{}

func (disk) ReadFile(path string, limit int) ([]byte, error) { return os.ReadFile(path) }
func (disk) Glob(pattern string) ([]string, error)           { return filepath.Glob(pattern) }

// budget is shutdown.timeout of a spec, which says it in so many words: auto is less than what these manifests give.
func budget(t *testing.T, path string) time.Duration {
	t.Helper()
	text, problems := compile.Compile(path, disk{})
	if len(problems) > 0 {
		t.Fatalf("%s: %v", path, problems)
	}
	s, err := spec.Load(text, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if s.Shutdown.Timeout == nil {
		t.Fatalf("%s: no shutdown.timeout", path)
	}
	return time.Duration(*s.Shutdown.Timeout)
}

// read is what a YAML file has.
func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// longer fails the test unless there is more time than what happens in it takes.
func longer(t *testing.T, where string, grace, takes time.Duration) {
	t.Helper()
	if grace <= takes {
		t.Errorf("%s: everything is killed after %v, but an ordered stop may take %v", where, grace, takes)
	}
}

// pod is what the tests want to know of one.
type pod struct {
	Grace      *int `yaml:"terminationGracePeriodSeconds"`
	Containers []struct {
		Name      string
		Lifecycle struct {
			PreStop struct {
				Exec  struct{ Command []string }
				Sleep struct{ Seconds int }
			} `yaml:"preStop"`
		}
	}
}

// hook is how long its hooks may take.
func (p pod) hook() time.Duration {
	longest := time.Duration(0)
	for _, c := range p.Containers {
		h := c.Lifecycle.PreStop
		took := time.Duration(h.Sleep.Seconds) * time.Second
		if len(h.Exec.Command) > 0 {
			took = hookTime
			if m := regexp.MustCompile(`\bsleep ([0-9]+)`).FindStringSubmatch(strings.Join(h.Exec.Command, " ")); m != nil {
				n, _ := strconv.Atoi(m[1])
				took = hookTime + time.Duration(n)*time.Second
			}
		}
		longest = max(longest, took)
	}
	return longest
}

// deployment is one, or an overlay's patch of one.
type deployment struct {
	Kind string
	Spec struct{ Template struct{ Spec pod } }
}

// The kubelet's grace period begins with the hook. An overlay may have another one, and has the longest hook and the longest budget of all.
func TestKubernetesGracePeriods(t *testing.T) {
	longest := time.Duration(0)
	for _, path := range find(t, "goinit.yaml") {
		longest = max(longest, budget(t, path))
	}
	hook, graces := time.Duration(0), map[string]time.Duration{}
	for _, path := range find(t, "deployment.yaml") {
		var d deployment
		read(t, path, &d)
		if d.Kind != "Deployment" {
			t.Errorf("%s is a %q", path, d.Kind)
		}
		hook = max(hook, d.Spec.Template.Spec.hook())
		if grace := d.Spec.Template.Spec.Grace; grace != nil {
			graces[path] = time.Duration(*grace) * time.Second
		} else if strings.Contains(path, "base") {
			graces[path] = 30 * time.Second // the API's default
		}
	}
	if len(graces) == 0 || hook == 0 {
		t.Fatalf("grace periods %v, hook %v: this compares nothing", graces, hook)
	}
	for path, grace := range graces {
		longer(t, path, grace, hook+longest)
	}
}

func TestComposeGracePeriods(t *testing.T) {
	for _, path := range find(t, "compose.yaml") {
		var c struct {
			Services map[string]struct {
				Grace   string `yaml:"stop_grace_period"`
				Configs []struct{ Source, Target string }
			}
			Configs map[string]struct{ File string }
		}
		read(t, path, &c)
		for name, service := range c.Services {
			grace, err := time.ParseDuration(service.Grace)
			if err != nil || len(service.Configs) != 1 {
				t.Fatalf("%s: %s: %v, configs %v", path, name, err, service.Configs)
			}
			longer(t, path+": "+name, grace, budget(t, filepath.Join(filepath.Dir(path), c.Configs[service.Configs[0].Source].File)))
		}
	}
}

// What is to be written to belongs to the user that runs there, at every start.
func TestComposeTmpfs(t *testing.T) {
	for _, path := range find(t, "compose.yaml") {
		var c struct {
			Services map[string]struct {
				User     string
				ReadOnly bool `yaml:"read_only"`
				Tmpfs    []string
			}
		}
		read(t, path, &c)
		for name, service := range c.Services {
			uid, gid, _ := strings.Cut(service.User, ":")
			if !service.ReadOnly || len(service.Tmpfs) == 0 {
				t.Errorf("%s: %s: read_only %v, tmpfs %v: this compares nothing", path, name, service.ReadOnly, service.Tmpfs)
			}
			for _, mount := range service.Tmpfs {
				if !strings.Contains(mount, ":uid="+uid+",gid="+gid+",mode=0700") {
					t.Errorf("%s: %s: %s is not only user %s's", path, name, mount, service.User)
				}
			}
		}
	}
}

// Three stand behind one another: goinit, podman, systemd.
func TestQuadletGracePeriods(t *testing.T) {
	for _, path := range find(t, ".container") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seconds := func(pattern string) time.Duration {
			m := regexp.MustCompile(pattern).FindSubmatch(text)
			if m == nil {
				t.Fatalf("%s: no %s", path, pattern)
			}
			n, _ := strconv.Atoi(string(m[1]))
			return time.Duration(n) * time.Second
		}
		podman := seconds(`(?m)^PodmanArgs=.*--stop-timeout=([0-9]+)`)
		longer(t, path+": podman", podman, budget(t, "kubernetes/base/goinit.yaml"))
		longer(t, path+": systemd", seconds(`(?m)^TimeoutStopSec=([0-9]+)$`), podman)
	}
}
