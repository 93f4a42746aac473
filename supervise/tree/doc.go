// Package tree finds and kills everything that a worker has started, where no cgroup says what that is.
//
// A process belongs to a worker if it is the worker's main process; if its process group or session is the main
// process's; if its parent belongs to it; or if its environment carries the worker's cookie, two variables that hold
// the worker's name and this goinit's boot id. Who has been seen to belong stays so. What escapes is a process that,
// between two looks, has left its parents, its session and its environment.
//
// All looks are made by one goroutine: however many workers die at once, one reading of /proc serves them all. Before
// anything is killed all of it is suspended, until a look finds nobody new, so that nothing forks away from the KILL.
// The invariant: a tree is reported gone once, after its main process was reported dead and two looks in a row have found
// nothing of it.
//
// Looks are made when somebody asks, when an orphan was reaped (Reaped), and, since the last of a tree may die with a
// parent that is not ours, after a pause that doubles up to a second. Without a tree to look for there are none.
package tree
