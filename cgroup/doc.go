// Package cgroup gives each worker a control group of its own: on cgroup v2, on v1, on both mixed (hybrid), or says why
// there is none. It knows nothing of apps; a group has a name, limits, processes, statistics and events.
//
// How it goes: Look finds what kernel and container give us (a pure function of texts, tested on recorded containers); Open
// takes our own place, moves PID 1 into a leaf and makes a Root; Root.Group makes a group; a child enters it before its
// first instruction through descriptors that Group.Birth opens; Group.Kill leaves nobody; Group.Remove and Root.Close leave
// nothing behind.
//
// Limits are OCI's LinuxResources, translated to files and values here (settings.go). The managers of
// github.com/containerd/cgroups do the same at four times the size; here they are the tests' oracle.
//
// The invariant: nothing above our own place is written to, and in it nothing but what this package made; a limit that
// was asked for is set or an error, never forgotten. Nothing here forks, waits for a process, or polls, but for what v1
// has no event for (freezing). One goroutine waits for all events on one descriptor.
//
// References: Documentation/admin-guide/cgroup-v2.rst, Documentation/admin-guide/cgroup-v1/, cgroups(7).
package cgroup
