// Package set is the machine that decides about all apps together: who may start now, who is to stop next and how long
// that may take, what a changed spec changes, and when goinit itself ends.
//
// Like package app's it has neither clock nor process: Step takes an event, changes the Set, and returns effects for the
// driver to carry out. It knows of an app what its Summary says.
//
// The invariants:
//
//   - An app is told that its dependencies are met only while each required one is, and never while goinit stops.
//   - Who waits, waits for something that is told (Member.Waits), and is held up only by what will not come by itself.
//   - In a shutdown an app is asked to stop only when nothing runs that depends on it, or when the budget is over.
//   - A shutdown with a budget ends within it; one that has nobody to wait for ends at once.
//   - An app that a new spec leaves as it was is sent nothing.
//   - End is the last effect, and is given once.
package set
