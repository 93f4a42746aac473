// Package health finds out whether a process is well. It asks (http, tcp, exec), looks (listening), or hears (notify, a
// newline on a descriptor, a line of its output, a heartbeat, silence). And it sees whether a process waits for connections (Waits).
//
// It knows nothing of apps, specs or supervisors. A Plan says what is wanted to know of one process; Open makes a Watch of
// it, and what the Watch finds out it tells, as Verdicts, to a function. What they lead to is not decided here. To start a
// probe's program, and to know which processes are the watched one's, it is given functions.
//
// The invariants: a Watch has at most one probe of each kind under way, whatever hangs; it has at most one timer armed for
// each; without anything to find out it has neither goroutine, timer nor descriptor; after Stop nothing is told.
//
// It is linked into PID 1. Its sockets are raw and wait on the runtime's poller, so that none holds a thread; package net
// would be 360 KB more. Names are not resolved: a probe aims at an address or at localhost.
package health
