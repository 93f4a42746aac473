package bed

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// podDeadline is how long a state of a pod may take: many programs have to come to their turn for it.
var podDeadline = 3 * Deadline

// Pod is a static pod of a Kube: the kubelet has it from a file.
type Pod struct {
	Name string // the kubelet's, which ends with the node's name
	kube *Kube
	main string // the container that Wait looks at
	file string
	logs map[string]*os.File // held open: the kubelet removes them with the pod
}

// PodStatus is what the kubelet says of a pod, as the API has it.
type PodStatus struct {
	Phase      string
	PodIP      string
	Conditions []struct{ Type, Status, Reason string }
	Containers []ContainerStatus `json:"containerStatuses"`
}

// ContainerStatus is of one container.
type ContainerStatus struct {
	Name         string
	Ready        bool
	Started      *bool
	RestartCount int
	State        ContainerState
	LastState    ContainerState
}

// ContainerState has one of these.
type ContainerState struct {
	Waiting    *struct{ Reason, Message string }
	Running    *struct{ StartedAt string }
	Terminated *struct {
		ExitCode              int
		Reason, Message       string
		StartedAt, FinishedAt string
	}
}

// Static has the kubelet run a pod, whose manifest is anything that is JSON as the API wants it, and of whose containers one is
// what the test looks at. It goes with the test.
func (k *Kube) Static(t testing.TB, name, container string, manifest any) *Pod {
	t.Helper()
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(k.dir, "manifests")
	p := &Pod{Name: name + "-node", kube: k, main: container, file: filepath.Join(dir, name+".json"), logs: map[string]*os.File{}}
	hidden := filepath.Join(dir, "."+name) // it is renamed: the kubelet reads no half of it
	if err := os.WriteFile(hidden, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(hidden, p.file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			status, err := p.status()
			text, _ := json.Marshal(status)
			t.Logf("pod %s: %s, %v; its log:\n%s", p.Name, text, err, indent(p.Log()))
		}
		os.Remove(p.file)
		for _, log := range p.logs {
			log.Close()
		}
	})
	return p
}

// Remove takes the pod away from the kubelet, which then stops it.
func (p *Pod) Remove(t testing.TB) {
	t.Helper()
	p.Log()
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
}

func (p *Pod) status() (PodStatus, error) {
	text, err := p.kube.get("/pods")
	if err != nil {
		return PodStatus{}, err
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   PodStatus
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return PodStatus{}, err
	}
	for _, item := range list.Items {
		if item.Metadata.Name == p.Name {
			return item.Status, nil
		}
	}
	return PodStatus{}, fmt.Errorf("the kubelet has no pod %s", p.Name)
}

// Container is the status of one; without a name if there is none.
func (s PodStatus) Container(name string) ContainerStatus {
	for _, c := range s.Containers {
		if c.Name == name {
			return c
		}
	}
	return ContainerStatus{}
}

// Wait waits for a state of the pod's container.
func (p *Pod) Wait(t testing.TB, what string, is func(ContainerStatus) bool) PodStatus {
	t.Helper()
	var last PodStatus
	waitFor(t, podDeadline, what, func() (bool, string) {
		status, err := p.status()
		if err != nil {
			return false, err.Error()
		}
		last = status
		text, _ := json.Marshal(status)
		c := status.Container(p.main)
		return c.Name != "" && is(c), string(text)
	})
	return last
}

// WaitReady waits until the pod is, or is no more, ready.
func (p *Pod) WaitReady(t testing.TB, ready bool) PodStatus {
	t.Helper()
	return p.Wait(t, fmt.Sprintf("pod %s to have ready=%v", p.Name, ready), func(c ContainerStatus) bool {
		return c.Ready == ready && c.State.Running != nil
	})
}

// Exec runs a command in the container by the kubelet. Its words have no spaces; how it ended stands in the error.
func (p *Pod) Exec(t testing.TB, words ...string) (string, error) {
	t.Helper()
	path := fmt.Sprintf("/run/default/%s/%s?cmd=%s", p.Name, p.main, url.QueryEscape(strings.Join(words, " ")))
	text, err := p.kube.ask(http.MethodPost, path)
	return string(text), err
}

// Must is Exec of what has to succeed, logged as a person would see it.
func (p *Pod) Must(t testing.TB, words ...string) string {
	t.Helper()
	text, err := p.Exec(t, words...)
	t.Logf("%s$ %s\n%s", p.Name, strings.Join(words, " "), indent(text))
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(words, " "), err)
	}
	return text
}

// Log is what the pod's containers wrote, all instances of them in the order of their names, as the files for kubectl logs have
// it, without times. What was seen once is kept when the pod goes.
func (p *Pod) Log() string {
	files, _ := filepath.Glob(filepath.Join(p.kube.dir, "var/upper/log/pods", "default_"+p.Name+"_*", "*", "*.log"))
	for _, name := range files {
		if p.logs[name] == nil {
			if file, err := os.Open(name); err == nil { // else it has just gone
				p.logs[name] = file
			}
		}
	}
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(p.logs)) {
		text, _ := io.ReadAll(io.NewSectionReader(p.logs[name], 0, 1<<30))
		for line := range strings.Lines(string(text)) { // TIME STREAM TAG TEXT: the CRI's format
			if words := strings.SplitN(line, " ", 4); len(words) == 4 {
				all.WriteString(words[3])
			}
		}
	}
	return all.String()
}

// Expect waits for text in the log.
func (p *Pod) Expect(t testing.TB, text string) {
	t.Helper()
	waitFor(t, podDeadline, strconv.Quote(text)+" in the pod's log", func() (bool, string) {
		log := p.Log()
		return strings.Contains(log, text), log
	})
}
