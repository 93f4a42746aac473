// Package supervise keeps the apps of a spec running: it drives the two machines that decide (packages app and set) with
// real processes and real time.
//
// An app is owned by one goroutine, the set of all apps by another (the one that calls Run). Each takes what happens from
// one inbox, gives it to its machine, and carries out the effects; they share no memory. An exit, a timer, an answer is a
// fact: it is never dropped, and there are never more of them than processes and timers. Commands are queued within a
// bound, and refused with ErrBusy beyond it. What others may see is an immutable snapshot, swapped atomically: Snapshot
// answers at once, even when an app is stuck in a start.
//
// What it needs of the world it declares itself: a Starter for processes (package launch has the real one); the clock is
// package time's, so that all of it runs under testing/synctest.
//
// Callers: package init runs it, package control asks it.
package supervise
