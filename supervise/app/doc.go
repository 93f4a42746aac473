// Package app is the machine that decides about one app: what becomes of each of its slots when something happens.
//
// It is a function, (state, event) → (state, effects), without clock, process or file. Time comes in with the event, so
// does the random number for the jitter, and what is to be done goes out as effects, which the driver (package supervise)
// carries out and answers with further events. Hence it can be tested exhaustively, and run in somebody's head: table.go
// is all of it, docs/states.md is the same as a drawing, and a test says so.
//
// The invariants:
//
//   - There are never two processes in a slot: a Start is given only when the slot's last process has exited and nothing
//     of its tree is left (TreeGone).
//   - After a stop, a kill, a removal or a shutdown nothing is started unless somebody asks for it again.
//   - A slot has at most one armed timer, and each is answered, cancelled or replaced: an old one is known by its epoch.
//   - A process that may be frozen is thawed before anything else is done to it; never are two slots recycled at once.
//   - What happens to an old process is known by its generation, and touches nobody else.
//
// A hook is the slot's process while it runs (hook.go). Whether a worker is ready is not a state: it comes and goes while
// the slot is Running (ready.go). When a job runs is told to it by a Due (job.go). The state draining comes with rolling
// reload; it is a row to be added to the table.
package app
