package integration

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"goinit/integration/bed"
)

// The images of the tests: the project's, and users' images that take goinit from it.
const (
	goinitImage  = "goinit" // the name that COPY --from=goinit has
	nodeImage    = "goinit-test/node"
	debianImage  = "goinit-test/debian"
	busyboxImage = "goinit-test/busybox"
	scratchImage = "goinit-test/scratch"
	runImage     = "goinit-test/run"
)

// base are the public images that they are built from. base-images.sh makes local ones where the engine has none.
var base = []string{"debian:bookworm-slim", "busybox:1.35", "redis:7", "golang:1.26", "node:20"}

var images struct {
	sync.Mutex
	made bool
}

// docker returns the engine with the images, which the first test that asks makes.
func docker(t *testing.T) *bed.Engine {
	t.Helper()
	bed.Need(t, "docker", "docker", "go", "node")
	e := bed.Docker(t)
	images.Lock()
	defer images.Unlock()
	if images.made {
		return e
	}
	for _, image := range base {
		e.Adopt(t, image)
	}
	baseImages(t, e, base...)
	buildImage(t, e, goinitImage, buildContext(t), "--build-arg", "COMMIT="+commit)
	for name, files := range map[string][]string{
		nodeImage:    {"images/node/Dockerfile", "testdata/server.js", "testdata/request.js", "testdata/healthcheck.sh"},
		debianImage:  {"images/debian/Dockerfile", "testdata/signals.sh"},
		busyboxImage: {"images/busybox/Dockerfile"},
		scratchImage: {"images/scratch/Dockerfile"},
		runImage: {"images/run/Dockerfile", "images/run/goinit.yaml", "testdata/server.js", "testdata/request.js", "testdata/litter.sh",
			"testdata/bomb.js", "testdata/bomb.yaml"},
	} {
		buildImage(t, e, name, contextOf(t, files...))
	}
	images.made = true
	return e
}

// baseImages makes what the engine lacks of them.
func baseImages(t *testing.T, e *bed.Engine, names ...string) {
	t.Helper()
	began := time.Now()
	script := exec.Command("images/base-images.sh", names...)
	script.Env = e.Env()
	out, err := script.CombinedOutput()
	if err != nil {
		bed.Without(t, "docker", "base-images.sh: "+err.Error()+"\n"+string(out))
	}
	t.Logf("base images after %v\n%s", time.Since(began).Round(time.Millisecond), out)
}

// buildImage is docker build, without a network, by the builder that every engine has.
func buildImage(t *testing.T, e *bed.Engine, name, context string, args ...string) {
	t.Helper()
	e.Adopt(t, name)
	e.Must(t, append(append([]string{"build", "--quiet", "--network", "none", "--tag", name}, args...), context)...)
}

// buildContext is a directory with the sources as a checkout has them, and the modules they need, for the build has no
// network: go uses the directory vendor when there is one.
func buildContext(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && (rel == ".git" || rel == "bin" || rel == "vendor"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(dir, rel), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		return copyFile(path, filepath.Join(dir, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
	vendor := exec.Command("go", "mod", "vendor")
	vendor.Dir = dir
	if out, err := vendor.CombinedOutput(); err != nil {
		t.Fatalf("go mod vendor: %v\n%s", err, out)
	}
	return dir
}

// contextOf is a directory with these files.
func contextOf(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files {
		if err := copyFile(file, filepath.Join(dir, filepath.Base(file))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, info.Mode().Perm())
}

// fileOf reads a file of an image, without running it.
func fileOf(t *testing.T, e *bed.Engine, image, path string) []byte {
	t.Helper()
	id := created(t, e, image)
	dest := filepath.Join(t.TempDir(), "file")
	if r := e.Quiet(t, "cp", id+":"+path, dest); r.Status != 0 {
		t.Fatalf("copying %s from %s: %s", path, image, r.Stderr)
	}
	data, err := os.ReadFile(dest)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// filesOf lists the files of an image, without what an engine adds to a container.
func filesOf(t *testing.T, e *bed.Engine, image string) []string {
	t.Helper()
	list := e.Command(t, "export", created(t, e, image))
	tar := exec.Command("tar", "-t")
	var err error
	if tar.Stdin, err = list.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := list.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := tar.Output()
	if err := list.Wait(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, file := range strings.Fields(string(out)) {
		switch strings.SplitN(file, "/", 2)[0] {
		case ".dockerenv", "dev", "proc", "sys", "etc":
		default:
			files = append(files, file)
		}
	}
	return files
}

// created is a container that was made of the image and never started; it goes with the test.
func created(t *testing.T, e *bed.Engine, image string) (id string) {
	t.Helper()
	r := e.Quiet(t, "create", "--network", "none", image, "none")
	if r.Status != 0 {
		t.Fatalf("a container of %s: %s", image, r.Stderr)
	}
	id = strings.TrimSpace(r.Stdout)
	t.Cleanup(func() { e.Quiet(t, "rm", "--force", id) })
	return id
}
