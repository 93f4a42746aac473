package vm

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A Kernel is an unpacked package of one.
type Kernel struct {
	Image string // the bzImage
	dir   string // with modules beside it, in modules/
}

// metapackages depend on the newest kernel of the distribution that is made for virtual machines: Debian's, Ubuntu's.
var metapackages = []string{"linux-image-cloud-amd64", "linux-image-virtual"}

// cacheName counts what unpack takes out of a package.
const cacheName = "goinit-vm-2"

// FetchKernel returns the kernel that the user's cache directory has, or gets the distribution's package with apt-get
// download, which installs nothing and needs no root. Remove the directory goinit-vm-2 of the cache to get a newer one.
func FetchKernel() (*Kernel, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	cache = filepath.Join(cache, cacheName)
	if have, _ := filepath.Glob(filepath.Join(cache, "linux-image-*", "vmlinuz")); len(have) > 0 {
		return &Kernel{have[0], filepath.Dir(have[0])}, nil
	}
	name, err := kernelPackage()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	// On the same file system: what is complete is renamed, so nobody sees half a kernel.
	work, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	get := exec.Command("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", name)
	get.Dir = work
	if out, err := get.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("apt-get download %s: %w\n%s", name, err, out)
	}
	packages, _ := filepath.Glob(filepath.Join(work, "*.deb"))
	if len(packages) != 1 {
		return nil, fmt.Errorf("apt-get download %s gave %q", name, packages)
	}
	if err := unpack(packages[0], work); err != nil {
		return nil, fmt.Errorf("unpacking %s: %w", filepath.Base(packages[0]), err)
	}
	os.Remove(packages[0])
	dir := filepath.Join(cache, name)
	if err := os.Rename(work, dir); err != nil && !errors.Is(err, os.ErrExist) { // somebody else may have been quicker
		return nil, err
	}
	return &Kernel{filepath.Join(dir, "vmlinuz"), dir}, nil
}

// kernelPackage asks apt for the name of the newest kernel, which has its version in it. On a fresh machine apt knows
// of no package until it is told to update its lists.
func kernelPackage() (string, error) {
	var said []byte
	for _, prepare := range [][]string{nil, {"apt-get", "update", "-qq"}} {
		if prepare != nil {
			if out, err := exec.Command(prepare[0], prepare[1:]...).CombinedOutput(); err != nil {
				return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(prepare, " "), err, said, out)
			}
		}
		out, err := exec.Command("apt-cache", append([]string{"depends"}, metapackages...)...).CombinedOutput()
		if m := regexp.MustCompile(`Depends: (linux-image-[0-9]\S*)`).FindSubmatch(out); m != nil {
			return string(m[1]), nil
		}
		if errors.Is(err, exec.ErrNotFound) {
			return "", err
		}
		said = out
	}
	return "", fmt.Errorf("apt knows no kernel: none of %s\n%s", strings.Join(metapackages, ", "), said)
}

// modules are those that a test may load, a disk in memory and what containers want; compressed in some distributions.
var modules = regexp.MustCompile(`^(brd|overlay|veth|llc|stp|bridge)\.ko(\.xz|\.zst|\.gz)?$`)

// Module returns the file of a module, or "" if the package has none: it may be in another, or part of the kernel.
func (k *Kernel) Module(name string) string {
	files, _ := filepath.Glob(filepath.Join(k.dir, "modules", name+".ko*"))
	if len(files) == 0 {
		return ""
	}
	return files[0]
}

// unpack takes the kernel and the modules out of a Debian package.
func unpack(deb, dir string) error {
	if err := os.Mkdir(filepath.Join(dir, "modules"), 0o755); err != nil {
		return err
	}
	files := exec.Command("dpkg-deb", "--fsys-tarfile", deb)
	var stderr bytes.Buffer
	files.Stderr = &stderr
	out, err := files.StdoutPipe()
	if err != nil {
		return err
	}
	if err := files.Start(); err != nil {
		return err
	}
	defer files.Wait()
	defer out.Close()
	found := false
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w %s", err, &stderr)
		}
		base, to := filepath.Base(h.Name), ""
		switch {
		case strings.HasPrefix(base, "vmlinuz-"):
			to, found = filepath.Join(dir, "vmlinuz"), true
		case modules.MatchString(base):
			to = filepath.Join(dir, "modules", base)
		default:
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("there is no vmlinuz in it")
	}
	return nil
}
