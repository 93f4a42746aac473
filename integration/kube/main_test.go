// Package kube tries out the manifests of deploy/kubernetes on a real kubelet: a pod whose container's entrypoint is goinit. One
// kubelet without a cluster is part of make test; the cluster, with kubectl, a Service and roll-outs, is make test-kube.
package kube

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"goinit/integration/bed"
)

// built is where build.sh has put goinit and goinitctl.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "goinit-integration-kube-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("TMPDIR", dir)
	built = filepath.Join(dir, "bin")
	if os.Getenv(insideVM) != "" { // where there is no compiler, and the images are made
		return m.Run()
	}
	build := exec.Command("./build.sh", built)
	build.Dir = "../.."
	build.Env = append(os.Environ(), "COMMIT=0123456789ab")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build goinit: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// shop gives the node the image of the manifests.
func shop(t *testing.T, k *bed.Kube) {
	t.Helper()
	k.Import(t, "shop", func() *bed.Image { return shopImage(t) })
}

// shopImage is what deploy/image/Dockerfile makes, on busybox instead of Debian.
func shopImage(t *testing.T) *bed.Image {
	t.Helper()
	image := bed.NewImage(t.TempDir(), "shop:1")
	image.Busybox()
	image.Program("/usr/local/bin/node", "node")
	image.Program("/usr/local/bin/redis-server", "redis-server")
	image.Program("/usr/local/bin/redis-cli", "redis-cli")
	image.File("/sbin/goinit", filepath.Join(built, "goinit"))
	image.File("/sbin/goinitctl", filepath.Join(built, "goinitctl"))
	image.File("/app/server.js", "../../deploy/image/server.js")
	image.Folder("/tmp", os.ModeSticky|0o777)
	image.Dir, image.Entrypoint = "/app", []string{"/sbin/goinit", "run"}
	return image
}
