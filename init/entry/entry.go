// Package entry is what runs before the Go runtime does, and what it saw.
//
// A C init blocks its signals in its first line. A Go program cannot: by the time its first line runs, the runtime
// has installed handlers of its own, has unblocked HUP, INT, QUIT and TERM whatever mask it was started with, and
// dies of them. So goinit starts in a stub of assembly (goinit_entry, one file an architecture) that
//
//   - blocks every signal, and keeps the mask that was inherited, for the child;
//   - tells the runtime to leave the signals alone (it clears their flags in the runtime's signal table), so that they
//     stay blocked in every thread from the first instruction on and queue in the kernel until sigtimedwait(2) takes them:
//     none is lost, none is merged that the kernel did not merge, and none is invented;
//   - keeps what only the start of a process knows: its environment as the kernel gave it (the syscall package drops
//     duplicates), the limit on open files that package syscall will raise, which of descriptors 0 to 2 were closed (it
//     puts something harmless there, which the runtime finds);
//   - shows the runtime the environment without GODEBUG, GOGC, GOMAXPROCS and their kin, which a user sets for the
//     program and not for its init, and with GOMAXPROCS=1;
//   - switches off the forced collection every two minutes, for which an idle runtime wakes every minute.
//
// The invariant: with the stub, no signal can reach goinit in any way but through that wait, save the three that a
// fault of our own raises (BUS, FPE, SEGV), which CatchFaults sorts.
//
// The stub needs the build of build.sh: the tag goinit_entry, and the linker's -E (entry point) and -checklinkname=0
// (it names two variables of the runtime). A plain go build works without it: Active is then false, signals come
// through os/signal, and the gaps that ARCHITECTURE.md lists are open.
//
// This package is imported by nothing but package pid1, and imports nothing that has an init of its own.
package entry

// Limit is a soft and a hard resource limit, as getrlimit(2) gives them.
type Limit struct{ Soft, Hard uint64 }

// Stdio says which of descriptors 0, 1 and 2 were closed when goinit was executed: bit N for descriptor N.
type Stdio uint8

// Closed reports whether descriptor fd was closed at exec.
func (s Stdio) Closed(fd int) bool { return s>>fd&1 != 0 }
