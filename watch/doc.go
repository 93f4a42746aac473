// Package watch tells when files have changed. It knows nothing of apps: a Plan has paths, patterns of what to ignore, and a
// time of quiet; a Watcher tells once of each burst of changes that is followed by it.
//
// How it goes: pattern.go says which names count, ignore.go which do not; walk.go puts an inotify(7) watch on each directory
// that may hold one; event.go reads what comes of it; settle.go waits for quiet and then tells. Only directories are watched,
// by name of what is in them: an editor that writes a file, one that renames a new one over it, and one that deletes
// it and makes it anew are the same. A path that is not there yet is waited for in the last of its folders that is; a symbolic
// link on the way to a path counts as the path itself (a ConfigMap's ..data, a release's current). After an overflow of the kernel's queue, or
// when a path itself has come or gone, everything is walked once more when it is quiet again.
//
// A program that tells which files it has loaded (report.go: Node does) is watched in those alone.
//
// The invariant: nothing is read while nothing happens, and there is one goroutine a Watcher, on the runtime's poller, and no
// thread. What cannot be watched is told once, with what can be done about it. Anybody may call it.
package watch
