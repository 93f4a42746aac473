package pid1

import (
	"os"
	"path/filepath"
	"slices"
	"sync"

	"goinit/cluster/nodeipc"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

// preload is the file that workers of a Node cluster load. It is written for the first that wants it, beside the control
// socket.
type preload struct {
	path    string // empty: there is no place for it
	written bool
	told    bool // that somebody has to do without

	confined sync.Once // told that somebody has to, whom Node's permission model does not let read it
}

// preloadFor is the file for an app's workers; empty: they do without it. A Node that does not find a file of NODE_OPTIONS
// ends, so where its user may not go, or not read, it is not named.
func (c *clusters) preloadFor(a *spec.App) (string, error) {
	if slices.ContainsFunc(a.Command, nodeipc.Confined) {
		c.tellConfined(a)
		return "", nil
	}
	uid := unix.Geteuid()
	if a.User != "" {
		account, err := c.accounts.Resolve(a.User)
		if err != nil {
			return "", err
		}
		uid = int(account.UID)
	}
	p := &c.preload
	why := "there is no directory for the control socket"
	if p.path != "" {
		if !p.written {
			if err := nodeipc.WritePreload(p.path); err != nil {
				why = err.Error()
			} else {
				p.written = true
			}
		}
		if p.written {
			if reads(p.path, uid) {
				return p.path, nil
			}
			why = "its user may not read " + p.path
		}
	}
	if !p.told {
		p.told = true
		c.warn(without(a, why) + "\n  mount a tmpfs at /run; or say that it is not wanted: node_preload: false")
	}
	return "", nil
}

// addsNodeOptions is launch.Starter's: only when a worker is started it is known what the NODE_OPTIONS of its own are.
func (c *clusters) addsNodeOptions(a *spec.App, own string) bool {
	if !nodeipc.Confined(own) {
		return true
	}
	c.tellConfined(a)
	return false
}

func (c *clusters) tellConfined(a *spec.App) {
	c.preload.confined.Do(func() {
		c.warn(without(a, "Node's permission model does not let it be read") + "\n  say that it is not wanted: node_preload: false")
	})
}

func without(a *spec.App, why string) string {
	return a.Name + ": keep-alive connections may end with an error when a worker of it is replaced: the file that prevents it cannot be had: " + why
}

// reads says whether a user can read a file that anybody may read: every directory above has to let it through. Groups are
// left out: when in doubt it cannot.
func reads(path string, uid int) bool {
	for dir := filepath.Dir(path); uid != 0; dir = filepath.Dir(dir) {
		var st unix.Stat_t
		if unix.Stat(dir, &st) != nil || st.Mode&0o001 == 0 && (int(st.Uid) != uid || st.Mode&0o100 == 0) {
			return false
		}
		if dir == "/" || dir == "." {
			return true
		}
	}
	return true
}

func (p *preload) remove() {
	if p.written {
		_ = os.Remove(p.path)
	}
}
