package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// manifests is the directory that is tried out, and base the part of it that all have.
const (
	manifests = "../../deploy/kubernetes"
	base      = "base"
)

// object is a manifest, or a part of one.
type object = map[string]any

// manifest reads one.
func manifest(t *testing.T, path ...string) (o object) {
	t.Helper()
	name := filepath.Join(append([]string{manifests}, path...)...)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return o
}

// specOf is the text of a goinit.yaml.
func specOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(manifests, dir, "goinit.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// overlay is the patch of an overlay.
func overlay(t *testing.T, name string) object {
	t.Helper()
	return manifest(t, "overlays", name, "deployment.yaml")
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

// merge lays a patch over a manifest, as kustomize does: maps are merged, null removes, elements of a list that have a name are merged
// with those of that name, and all else is replaced.
func merge(into, patch object) {
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(into, key)
		case object:
			if old, ok := into[key].(object); ok {
				merge(old, value)
			} else {
				into[key] = value
			}
		case []any:
			into[key] = mergeList(into[key], value)
		default:
			into[key] = value
		}
	}
}

func mergeList(into any, patch []any) []any {
	old, _ := into.([]any)
	for _, element := range patch {
		named, ok := element.(object)
		if !ok || named["name"] == nil {
			return patch
		}
		found := false
		for _, o := range old {
			if o.(object)["name"] == named["name"] {
				merge(o.(object), named)
				found = true
			}
		}
		if !found {
			old = append(old, named)
		}
	}
	return old
}

// static is the pod of the deployment, by itself: what a kubelet reads from a file may not refer to what only a cluster has, so the
// spec is in a directory of the node instead of a ConfigMap.
func static(t *testing.T, name, spec string) object {
	t.Helper()
	template := at(t, manifest(t, base, "deployment.yaml"), "spec", "template")
	pod := object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name}, "spec": template["spec"]}
	dir := t.TempDir()
	for d := dir; d != os.TempDir(); d = filepath.Dir(d) { // for the pod's user, who is nobody here
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "goinit.yaml"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, volume := range at(t, pod, "spec")["volumes"].([]any) {
		if v := volume.(object); v["configMap"] != nil {
			delete(v, "configMap")
			v["hostPath"] = object{"path": dir}
		}
	}
	patient(t, pod)
	return pod
}

// patient has the kubelet wait for an answer as long as a busy machine takes for one.
func patient(t *testing.T, pod object) {
	t.Helper()
	c := at(t, pod, "spec", "containers", "0")
	for _, probe := range []string{"startupProbe", "readinessProbe", "livenessProbe"} {
		at(t, c, probe)["timeoutSeconds"] = 30
	}
	at(t, c, "startupProbe")["failureThreshold"] = 600
}

// quick has the kubelet ask more often than in the manifest, so that a test need not wait for that, and the hook say that it was run.
func quick(t *testing.T, pod object) {
	t.Helper()
	c := at(t, pod, "spec", "containers", "0")
	at(t, c, "readinessProbe")["periodSeconds"] = 1
	merge(at(t, c, "livenessProbe"), object{"periodSeconds": 1, "failureThreshold": 2})
	hook := at(t, c, "lifecycle", "preStop", "exec")
	var words []string
	for _, word := range hook["command"].([]any) {
		words = append(words, word.(string))
	}
	hook["command"] = []string{"sh", "-c", strings.Join(words, " ") + " && echo the hook was run >/proc/1/fd/1"}
}

// unasked takes probes and hooks away, for a pod with another spec.
func unasked(t *testing.T, pod object) {
	t.Helper()
	c := at(t, pod, "spec", "containers", "0")
	for _, key := range []string{"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} {
		delete(c, key)
	}
}
