package bed

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Image is a container image of one layer that is put together from this machine's own programs, without an engine: a
// kubelet's containerd takes it as a file.
type Image struct {
	Name       string // NAME:TAG
	Entrypoint []string
	Dir        string // working directory
	dirs       map[string]bool
	layer      *tar.Writer
	file       *os.File
	digest     func() string
	err        error // the first; later calls do nothing
}

// NewImage begins one. Its layer is kept in dir.
func NewImage(dir, name string) *Image {
	i := &Image{Name: name, dirs: map[string]bool{"": true, ".": true, "/": true}}
	hash := sha256.New()
	i.digest = func() string { return "sha256:" + hex.EncodeToString(hash.Sum(nil)) }
	if i.file, i.err = os.CreateTemp(dir, "layer-"); i.err == nil {
		i.layer = tar.NewWriter(io.MultiWriter(i.file, hash))
	}
	return i
}

// Bytes adds a file.
func (i *Image) Bytes(name string, mode fs.FileMode, data []byte) {
	i.Folder(path.Dir(name), 0o755)
	i.entry(&tar.Header{Typeflag: tar.TypeReg, Name: strings.TrimPrefix(name, "/"), Mode: int64(mode), Size: int64(len(data))}, data)
}

// File adds a file of this machine.
func (i *Image) File(name, source string) {
	info, err := os.Stat(source)
	if err == nil {
		var data []byte
		if data, err = os.ReadFile(source); err == nil {
			i.Bytes(name, info.Mode().Perm(), data)
		}
	}
	i.fail(err)
}

// Folder adds a directory, and those above it.
func (i *Image) Folder(name string, mode fs.FileMode) {
	if name = path.Clean("/" + name)[1:]; i.dirs[name] {
		return
	}
	i.dirs[name] = true
	i.Folder(path.Dir("/"+name), 0o755)
	header := &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: int64(mode.Perm())}
	if mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	i.entry(header, nil)
}

// Link adds a symbolic link.
func (i *Image) Link(name, target string) {
	i.Folder(path.Dir(name), 0o755)
	i.entry(&tar.Header{Typeflag: tar.TypeSymlink, Name: strings.TrimPrefix(name, "/"), Linkname: target, Mode: 0o777}, nil)
}

// Program adds an executable from PATH under a path, with the libraries that it is linked with, where ldd(1) finds them.
func (i *Image) Program(name, program string) {
	found, err := exec.LookPath(program)
	if err != nil {
		i.fail(err)
		return
	}
	if found, err = filepath.EvalSymlinks(found); err != nil {
		i.fail(err)
		return
	}
	i.File(name, found)
	linked, err := exec.Command("ldd", found).Output()
	if err != nil { // it is static
		return
	}
	for _, word := range strings.Fields(string(linked)) {
		if strings.HasPrefix(word, "/") && !i.dirs["file "+word] {
			i.dirs["file "+word] = true
			i.File(word, word)
		}
	}
}

// Busybox adds busybox and its applets in /bin.
func (i *Image) Busybox() {
	const at = "/bin/busybox"
	i.Program(at, "busybox")
	applets, err := exec.Command("busybox", "--list").Output()
	i.fail(err)
	for _, applet := range strings.Fields(string(applets)) {
		if name := "/bin/" + applet; name != at {
			i.Link(name, at)
		}
	}
}

// Archive writes the image as docker save does, which containerd imports, and returns the file's name.
func (i *Image) Archive(dir string) (string, error) {
	if i.err != nil {
		return "", i.err
	}
	defer os.Remove(i.file.Name())
	defer i.file.Close()
	if err := i.layer.Close(); err != nil {
		return "", err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Entrypoint": i.Entrypoint, "WorkingDir": i.Dir, "Env": []string{"PATH=/usr/local/bin:/usr/bin:/bin:/sbin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{i.digest()}},
	})
	if err != nil {
		return "", err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{i.Name}, "Layers": []string{"layer.tar"}}})
	if err != nil {
		return "", err
	}
	out, err := os.CreateTemp(dir, "image-")
	if err != nil {
		return "", err
	}
	defer out.Close()
	size, err := i.file.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	if _, err := i.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	w := tar.NewWriter(out)
	for _, part := range []struct {
		name string
		size int64
		from io.Reader
	}{
		{"manifest.json", int64(len(manifest)), strings.NewReader(string(manifest))},
		{"config.json", int64(len(config)), strings.NewReader(string(config))},
		{"layer.tar", size, i.file},
	} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: part.name, Mode: 0o644, Size: part.size}); err != nil {
			return "", err
		}
		if _, err := io.Copy(w, part.from); err != nil {
			return "", fmt.Errorf("packing an image: %w", err)
		}
	}
	return out.Name(), w.Close()
}

func (i *Image) entry(header *tar.Header, data []byte) {
	if i.err == nil {
		i.err = i.layer.WriteHeader(header)
	}
	if i.err == nil {
		_, i.err = i.layer.Write(data)
	}
}

func (i *Image) fail(err error) {
	if i.err == nil {
		i.err = err
	}
}
