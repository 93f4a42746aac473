package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"goinit/integration/bed"
)

// object is a manifest, or a part of one.
type object = map[string]any

// manifest reads one.
func manifest(t *testing.T, path string) (o object) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return o
}

// at is a part of a manifest: by names, and by 0 the first of a list.
func at(t *testing.T, o any, path ...string) object {
	t.Helper()
	for _, name := range path {
		if name == "0" {
			o = o.([]any)[0]
			continue
		}
		o = o.(object)[name]
	}
	found, ok := o.(object)
	if !ok {
		t.Fatalf("no %v in the manifest", path)
	}
	return found
}

// static is the pod of the deployment, by itself: what a kubelet reads from a file may not refer to what only a cluster has, so the
// spec is in a directory of the node instead of a ConfigMap.
func static(t *testing.T, name, spec string) object {
	t.Helper()
	template := at(t, manifest(t, "../../deploy/kubernetes/base/deployment.yaml"), "spec", "template")
	pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name}, "spec": template["spec"]}
	dir := t.TempDir()
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) { // the pod's user is nobody here
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, volume := range at(t, pod, "spec")["volumes"].([]any) {
		v := volume.(object)
		if v["configMap"] != nil {
			delete(v, "configMap")
			v["hostPath"] = object{"path": dir}
		}
	}
	return pod
}

func TestPod(t *testing.T) {
	k := bed.Kubelet(t)
	shop(t, k)
	text, err := os.ReadFile("../../deploy/kubernetes/base/goinit.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec := strings.Replace(string(text), "gateway:", "x-gateway:", 1)
	m := static(t, "shop", spec)
	c := at(t, m, "spec", "containers", "0")
	c["livenessProbe"] = object{"exec": object{"command": []string{"goinit", "ctl", "health", "--live"}}, "periodSeconds": 1, "failureThreshold": 2}
	c["startupProbe"] = object{"exec": object{"command": []string{"goinit", "ctl", "health"}}, "periodSeconds": 1, "failureThreshold": 60}
	p := k.Static(t, "shop", m)
	p.WaitReady(t, true)
	p.Must(t, "shop", "goinit", "ctl", "info")
	p.Must(t, "shop", "goinit", "ctl", "ps")

	p.Must(t, "shop", "goinit", "ctl", "signal", "STOP", "db")
	p.WaitReady(t, false)
	p.Must(t, "shop", "goinit", "ctl", "health")
	p.Must(t, "shop", "goinit", "ctl", "signal", "CONT", "db")
	p.WaitReady(t, true)

	t.Log(p.Log())
}
