package cgroup

import (
	"os"
	"strings"

	"github.com/containerd/cgroups/v3"
)

// Runtime is who made the container, as far as it shows.
type Runtime string

// Runtimes that have words of their own for a writable cgroup.
const (
	Docker     Runtime = "docker"
	Podman     Runtime = "podman"
	Kubernetes Runtime = "kubernetes"
	Unknown    Runtime = ""
)

// runtimeHere goes by the marks that they leave: podman sets container=, the kubelet names its API server and mounts a termination
// log, the latter alone in static pods; Docker leaves a file.
func runtimeHere(getenv func(string) (string, bool)) Runtime {
	if name, _ := getenv("container"); name == "podman" {
		return Podman
	}
	if InKubernetes(getenv) {
		return Kubernetes
	}
	if _, err := os.Stat("/.dockerenv"); err == nil {
		return Docker
	}
	return Unknown
}

// terminationLog is terminationMessagePath's default, where a kubelet mounts a file.
const terminationLog = "/dev/termination-log"

// InKubernetes reports whether a kubelet has made this container.
func InKubernetes(getenv func(string) (string, bool)) bool {
	if _, ok := getenv("KUBERNETES_SERVICE_HOST"); ok {
		return true
	}
	info, err := os.Lstat(terminationLog)
	return err == nil && info.Mode().IsRegular()
}

// found is what there is, of a place that is Usable, in one line.
func (p *Place) found() string { return p.version() + " at " + p.dir() + ": a group for each worker" }

// version is "cgroup v2", with what there is on v1.
func (p *Place) version() string {
	switch p.Mode {
	case cgroups.Unified:
		return "cgroup v2"
	case cgroups.Hybrid:
		return "cgroup v1 and v2 (hybrid)"
	case cgroups.Legacy:
		return "cgroup v1"
	}
	return "no cgroup"
}

func (p *Place) dir() string {
	for _, h := range p.hierarchies() {
		if h.Dir != "" {
			return h.Dir
		}
	}
	return ""
}

// mountpoint is where a person looks: on v1 the directory of all hierarchies.
func (p *Place) mountpoint() string {
	if strings.HasPrefix(p.blame, "/sys/fs/cgroup/") {
		return "/sys/fs/cgroup"
	}
	return p.blame
}

// Why is the reason that State has.
func (p *Place) Why() string {
	switch p.State {
	case Absent:
		return "no cgroup filesystem is mounted here"
	case ReadOnly:
		return p.mountpoint() + " is mounted read-only here (Docker's and Kubernetes' default)"
	case Denied:
		return "this user may not write to " + p.blame
	case Unreachable:
		return "what is mounted at " + p.mountpoint() + " does not hold this container's own group (a bind mount of the host's, in a cgroup namespace of its own)"
	case Undelegated:
		return p.blame + " was not delegated to goinit"
	}
	return ""
}

// Remedy is what would give us groups; empty if they are there.
func (p *Place) Remedy() string {
	v1 := p.Mode != cgroups.Unified
	switch p.State {
	case Absent:
		return "mount it: mount -t cgroup2 none /sys/fs/cgroup"
	case ReadOnly:
		return "make it writable: " + p.writableBy(v1)
	case Denied:
		return "run goinit as root of the container and give the apps a user:, or have the group's files chowned"
	case Unreachable:
		return "leave the bind mount out, or add --cgroupns=host to it"
	case Undelegated:
		return "systemd-run --user --scope -p Delegate=yes goinit run, or name a group that is goinit's: GOINIT_CGROUP=/goinit"
	}
	return ""
}

// writableBy is the flag of each runtime (docs/cgroups.md has them all).
func (p *Place) writableBy(v1 bool) string {
	switch {
	case p.runtime == Podman && v1:
		return "podman run --cap-add SYS_ADMIN --cgroupns=private"
	case p.runtime == Podman:
		return "podman run --security-opt unmask=/sys/fs/cgroup"
	case p.runtime == Kubernetes && v1:
		return "capabilities: {add: [SYS_ADMIN]} in the container's securityContext"
	case p.runtime == Kubernetes:
		return "a RuntimeClass whose containerd runtime has cgroup_writable = true (2.1+)"
	case v1:
		return "docker run --cap-add SYS_ADMIN --cgroupns=private"
	}
	return "docker run --security-opt writable-cgroups=true (28.0+)"
}
