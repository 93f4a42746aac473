package control_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"goinit/control"
	"goinit/control/controltest"
)

// home is a place for sockets of its own.
func home(t *testing.T) (dir string, getenv func(string) string) {
	t.Helper()
	tmp, err := os.MkdirTemp("", "goinit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(tmp) })
	dir = filepath.Join(tmp, "s")
	return dir, func(k string) string {
		if k == "GOINIT_SOCKET_DIRECTORY" {
			return dir
		}
		return ""
	}
}

func listen(t *testing.T, l control.Listening) *control.Socket {
	t.Helper()
	s, err := control.Listen(l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestListen(t *testing.T) {
	dir, getenv := home(t)
	s := listen(t, control.Listening{Name: "shop", ReadGroup: -1, Getenv: getenv})
	if s.Path != filepath.Join(dir, "shop.sock") {
		t.Errorf("path %s", s.Path)
	}
	for path, mode := range map[string]os.FileMode{dir: os.ModeDir | 0o700, s.Path: os.ModeSocket | 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode() != mode {
			t.Errorf("%s: %v, %v, want %v", path, st.Mode(), err, mode)
		}
	}
	if second := listen(t, control.Listening{Name: "shop", ReadGroup: -1, Getenv: getenv}); second.Name != "shop-2" {
		t.Errorf("the second is named %s", second.Name)
	}
	_, err := control.Listen(control.Listening{Name: "shop", Exact: true, ReadGroup: -1, Getenv: getenv})
	if want := fmt.Sprintf(`a goinit named "shop" runs already (pid %d, in `, os.Getpid()); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("the name is taken: %v", err)
	}
	s.Close()
	if left, _ := filepath.Glob(filepath.Join(dir, "shop.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if again := listen(t, control.Listening{Name: "shop", Exact: true, ReadGroup: -1, Getenv: getenv}); again.Name != "shop" {
		t.Errorf("afterwards it is named %s", again.Name)
	}
}

func TestReadGroupOpensTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give a file to a group")
	}
	_, getenv := home(t)
	s := listen(t, control.Listening{Name: "shop", ReadGroup: 4321, Getenv: getenv})
	st, err := os.Stat(s.Path)
	if err != nil || st.Mode().Perm() != 0o660 || st.Sys().(*syscall.Stat_t).Gid != 4321 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
}

// A path that no sockaddr_un can hold, and one that is taken.
func TestListenAt(t *testing.T) {
	dir, getenv := home(t)
	deep := filepath.Join(dir, strings.Repeat("d", 120))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(deep, "x.sock")
	s := listen(t, control.Listening{Name: "deep", Path: path, ReadGroup: -1, Getenv: getenv})
	srv := control.Serve(controltest.New(), s, control.DefaultLimits(), func(s string) { t.Log(s) })
	defer srv.Close()
	answers(t, path)
	if in := control.Instances(getenv); len(in) != 1 || in[0].Socket != path || in[0].Name != "deep" {
		t.Errorf("instances %+v", in)
	}
	if _, err := control.Listen(control.Listening{Name: "other", Path: path, ReadGroup: -1, Getenv: getenv}); err == nil || !strings.Contains(err.Error(), "somebody answers there already") {
		t.Errorf("taken: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Listen(control.Listening{Name: "other", Path: file, ReadGroup: -1, Getenv: getenv}); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file: %v", err)
	}
	if b, _ := os.ReadFile(file); string(b) != "precious" {
		t.Error("the file is gone")
	}
}

// Directories that somebody else could have made, or could write to, are not used.
func TestUntrustedDirectories(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"writable by others": func(dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.Chmod(dir, 0o777)
		},
		"a link": func(dir string) error {
			if err := os.Mkdir(dir+".real", 0o700); err != nil {
				return err
			}
			return os.Symlink(dir+".real", dir)
		},
		"somebody else's": func(dir string) error {
			if err := os.Mkdir(dir, 0o700); err != nil {
				return err
			}
			return os.Chown(dir, 12345, 12345)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, getenv := home(t)
			if err := spoil(dir); os.IsPermission(err) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			if s, err := control.Listen(control.Listening{Name: "shop", ReadGroup: -1, Getenv: getenv}); err == nil {
				s.Close()
				t.Error("it was used")
			}
		})
	}
}

// A killed goinit's socket is skipped and removed; its name is free again. The goinit is a child of this test.
func TestKilled(t *testing.T) {
	if os.Getenv("CONTROL_TEST_GOINIT") != "" {
		s, err := control.Listen(control.Listening{Name: "shop", Exact: true, ReadGroup: -1, Getenv: os.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		control.Serve(controltest.New(), s, control.DefaultLimits(), func(string) {})
		fmt.Println("READY")
		select {}
	}
	dir, getenv := home(t)
	child := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "CONTROL_TEST_GOINIT=1", "GOINIT_SOCKET_DIRECTORY="+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "READY\n" {
			t.Fatalf("%q, %v", line, err)
		}
		return cmd
	}
	first := child()
	if in := control.Instances(getenv); len(in) != 1 || in[0].PID != first.Process.Pid {
		t.Errorf("instances %+v", in)
	}
	first.Process.Kill()
	first.Wait()
	if in := control.Instances(getenv); len(in) != 0 {
		t.Errorf("instances after its death: %+v", in)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	second := child()
	second.Process.Kill()
	second.Wait()
	third := child() // nobody has looked meanwhile
	answers(t, filepath.Join(dir, "shop.sock"))
	third.Process.Kill()
	third.Wait()
}

// What lies in the directory may be anything.
func TestRegistrationsThatLie(t *testing.T) {
	dir, getenv := home(t)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(filepath.Dir(dir), "precious")
	for name, text := range map[string]string{
		"noise": "\x00\xff{", "empty": "", "other": `{"name":"not-other","socket":"/x"}`, "huge": strings.Repeat(" ", 1<<20),
		"thief": `{"name":"thief","socket":` + string(must(json.Marshal(precious))) + `}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if in := control.Instances(getenv); len(in) != 0 {
		t.Errorf("instances %+v", in)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error("a file that is no socket was removed")
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{"shop": "shop", "/": "goinit", "": "goinit", ".hidden": "hidden", "a b/c": "a-b-c", "é": "goinit", strings.Repeat("x", 100): strings.Repeat("x", 63)} {
		if got := control.CleanName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
