// Package launch makes a worker's process out of an app of the spec: it is the supervisor's Starter on the real reaper.
//
// What a worker is given (identity, environment, descriptors, limits) is resolved here at each start, so nothing of the
// machine that wrote the spec is baked in, and a changed /etc/passwd counts from the next start on. Every failure says
// what was tried and what to do about it; none starts a process that is less confined than was asked for.
//
// Every worker leads a session of its own: a signal to its group never hits goinit, and its tree can be found.
//
// /etc/passwd and /etc/group are read within a bound; package os/user is not used, for it has none.
package launch
