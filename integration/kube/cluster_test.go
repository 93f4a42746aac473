package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goinit/integration/bed"
	"goinit/integration/load"
)

// wholeCluster asks for what takes longer than make test has: make test-kube.
const wholeCluster = "GOINIT_TEST_CLUSTER"

// The deployment as a person uses it: kubectl, a Service, roll-outs under load.
func TestCluster(t *testing.T) {
	if os.Getenv(wholeCluster) == "" {
		t.Skip("make test-kube runs it")
	}
	k := bed.Cluster(t)
	shop(t, k)
	dir, err := filepath.Abs(manifests)
	if err != nil {
		t.Fatal(err)
	}
	must := func(args ...string) string {
		t.Helper()
		r := k.Kubectl(t, args...)
		if r.Status != 0 {
			t.Fatalf("kubectl %s: status %d", args[0], r.Status)
		}
		return r.Stdout
	}
	t.Cleanup(func() {
		if t.Failed() {
			k.Kubectl(t, "describe", "pods")
			k.Kubectl(t, "logs", "-l", "app=shop", "--tail=-1", "--prefix")
		}
	})
	must("apply", "-k", filepath.Join(dir, base))
	must("rollout", "status", "deployment/shop", "--timeout=60s")
	must("get", "pods", "-o", "wide")

	t.Run("exec", func(t *testing.T) {
		must("exec", "deployment/shop", "--", "goinit", "ctl", "ps")
		if info := must("exec", "deployment/shop", "--", "goinit", "ctl", "info"); !strings.Contains(info, "securityContext") {
			t.Error("goinit does not know that this is Kubernetes")
		}
		if r := k.Kubectl(t, "exec", "deployment/shop", "--", "sh", "-c", "exit 42"); r.Status != 42 {
			t.Errorf("status %d, wanted the command's", r.Status)
		}
	})
	t.Run("logs", func(t *testing.T) {
		if logs := must("logs", "deployment/shop"); !strings.Contains(logs, "web/0") || !strings.Contains(logs, "listening on 8080") {
			t.Error("web's line is missing")
		}
	})
	t.Run("rollout", func(t *testing.T) { rollout(t, k, must) })
}

// rollout: while every pod is replaced, and back, no request of anybody fails.
func rollout(t *testing.T, k *bed.Kube, must func(...string) string) {
	address := must("get", "service", "shop", "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}")
	loads := []*load.Load{
		load.Start(load.Options{Address: address, Dial: k.Dial, Pause: 2 * time.Millisecond}),
		load.Start(load.Options{Address: address, Dial: k.Dial, Pause: 2 * time.Millisecond, KeepAlive: true}),
	}
	await := func() {
		for _, l := range loads {
			l.Await(50)
		}
	}
	await()
	must("set", "env", "deployment/shop", "VERSION=2")
	must("rollout", "status", "deployment/shop", "--timeout=120s")
	must("wait", "--for=delete", "pod", "-l", "app=shop,pod-template-hash="+must("get", "replicasets", "-o", "jsonpath={.items[?(@.spec.replicas==0)].metadata.labels.pod-template-hash}"), "--timeout=60s")
	await()
	must("rollout", "undo", "deployment/shop")
	must("rollout", "status", "deployment/shop", "--timeout=120s")
	await()
	for i, l := range loads {
		r := l.Stop()
		t.Logf("load %d: %d answered over %d connections, %d failed %v, by %v", i, r.Answered, r.Connections, r.Failed, r.Reasons, r.Bodies)
		if r.Failed > 0 {
			t.Errorf("%d requests failed: %v", r.Failed, r.Reasons)
		}
		if r.Bodies["1 web/0"] == 0 || r.Bodies["2 web/0"] == 0 {
			t.Errorf("not both versions were heard: %v", r.Bodies)
		}
	}
	must("get", "events", "--sort-by=.lastTimestamp")
}
