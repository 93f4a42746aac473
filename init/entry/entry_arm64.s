//go:build goinit_entry

#include "textflag.h"

// System call numbers: include/uapi/asm-generic/unistd.h
#define SYS_fcntl 25
#define SYS_openat 56
#define SYS_kill 129
#define SYS_rt_sigprocmask 135
#define SYS_getpid 172
#define SYS_mmap 222
#define SYS_prlimit64 261

// goinit_entry is the entry point of the executable. RSP holds the initial stack, as on every System V machine.
TEXT goinit_entry(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVD	RSP, R9
	MOVD	$·startBlock(SB), R1
	MOVD	R9, (R1)

	// rt_sigprocmask(SIG_SETMASK, &everySignal, &maskAtExec, 8)
	MOVD	$2, R0
	MOVD	$·everySignal(SB), R1
	MOVD	$·maskAtExec(SB), R2
	MOVD	$8, R3
	MOVD	$SYS_rt_sigprocmask, R8
	SVC

	// prlimit64(0, RLIMIT_NOFILE, NULL, &nofileAtExec)
	MOVD	$0, R0
	MOVD	$7, R1
	MOVD	$0, R2
	MOVD	$·nofileAtExec(SB), R3
	MOVD	$SYS_prlimit64, R8
	SVC

	// closedAtExec |= 1<<fd where fcntl(fd, F_GETFD) fails. Such a number is taken by "/" as a mere path (O_PATH), which
	// can always be opened and neither read nor written: the runtime would die for want of a /dev/null.
	MOVD	$0, R10
	MOVD	$0, R11
stdio:
	MOVD	R10, R0
	MOVD	$1, R1
	MOVD	$0, R2
	MOVD	$SYS_fcntl, R8
	SVC
	CMP	$0, R0
	BGE	open
	MOVD	$1, R1
	LSL	R10, R1, R1
	ORR	R1, R11, R11
	// openat(AT_FDCWD, "/", O_PATH|O_CLOEXEC)
	MOVD	$-100, R0
	MOVD	$·rootPath(SB), R1
	MOVD	$0x280000, R2
	MOVD	$0, R3
	MOVD	$SYS_openat, R8
	SVC
open:
	ADD	$1, R10
	CMP	$3, R10
	BLT	stdio
	MOVD	$·closedAtExec(SB), R1
	MOVD	R11, (R1)

	// The runtime's signal table: 65 entries of {int32 flags; string name}. Flags of 0: no handler, may be blocked.
	// Left to it: BUS, FPE and SEGV, its own faults.
	MOVD	$runtime·sigtable(SB), R1
	MOVD	$1, R2
table:
	ADD	$24, R1
	CMP	$7, R2
	BEQ	next
	CMP	$8, R2
	BEQ	next
	CMP	$11, R2
	BEQ	next
	MOVW	ZR, (R1)
next:
	ADD	$1, R2
	CMP	$64, R2
	BLE	table

	MOVD	$0x3fffffffffffffff, R0
	MOVD	$runtime·forcegcperiod(SB), R1
	MOVD	R0, (R1)

	// Make a copy of the block: the same, but for the environment of the runtime. It lies below it on the stack, or where
	// it is long, and the stack may be short, in memory of its own.
	MOVD	(R9), R1		// argc
	LSL	$3, R1, R1
	ADD	$16, R9, R10
	ADD	R1, R10, R10		// envp
	MOVD	R10, R11
env_end:
	MOVD	(R11), R0
	ADD	$8, R11
	CBNZ	R0, env_end		// R11: auxv
	MOVD	R11, R12
aux_end:
	MOVD	(R12), R0
	ADD	$16, R12
	CBNZ	R0, aux_end		// R12: the end of the block
	SUB	R9, R12, R14
	ADD	$8, R14			// one more variable
	MOVD	$8192, R0
	CMP	R0, R14
	BGT	map
	SUB	R14, R9, R13
	AND	$~15, R13, R13
	MOVD	R13, RSP
	B	place
map:
	// mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
	MOVD	$0, R0
	MOVD	R14, R1
	MOVD	$3, R2
	MOVD	$0x22, R3
	MOVD	$-1, R4
	MOVD	$0, R5
	MOVD	$SYS_mmap, R8
	SVC
	MOVD	R9, R15			// no memory: the block as it is
	CMP	$0, R0
	BLT	start
	MOVD	R0, R13
place:
	MOVD	R13, R15
args:
	MOVD	(R9), R0		// argc, argv, NULL
	MOVD	R0, (R13)
	ADD	$8, R9
	ADD	$8, R13
	CMP	R10, R9
	BLT	args
	MOVD	$·runtimeSetting(SB), R0
	MOVD	R0, (R13)
	ADD	$8, R13
env:
	MOVD	(R9), R0
	ADD	$8, R9
	CBZ	R0, aux
	MOVBU	(R0), R1
	CMP	$0x47, R1		// G
	BNE	keep
	MOVBU	1(R0), R1
	CMP	$0x4f, R1		// O
	BNE	keep
	MOVBU	2(R0), R1
	CMP	$0x49, R1		// but not "GOI": GOINIT_…
	BNE	env
keep:
	MOVD	R0, (R13)
	ADD	$8, R13
	B	env
aux:
	MOVD	ZR, (R13)
	ADD	$8, R13
copy:
	MOVD	(R9), R0
	MOVD	R0, (R13)
	ADD	$8, R9
	ADD	$8, R13
	CMP	R12, R9
	BLT	copy

start:
	// As _rt0_arm64_linux does: argc and argv, behind which the runtime looks for the rest.
	MOVD	(R15), R0
	ADD	$8, R15, R1
	B	runtime·rt0_go(SB)

// faultHandler is a signal handler: R0 the signal, R1 its siginfo, R2 its context; on the alternate stack.
TEXT ·faultHandler(SB), NOSPLIT|NOFRAME, $0
	MOVW	8(R1), R3		// si_code: above 0 the kernel raised it, else somebody sent it
	CMPW	$0, R3
	BLE	sent
	MOVD	$·runtimeHandler(SB), R3
	MOVD	(R3), R3
	JMP	(R3)
sent:
	SUB	$1, R0
	MOVD	$1, R1
	LSL	R0, R1, R1
	MOVD	$·faults(SB), R2
again:
	LDAXR	(R2), R3
	ORR	R1, R3, R3
	STLXR	R3, (R2), R4
	CBNZ	R4, again
	MOVD	$SYS_getpid, R8
	SVC
	MOVD	$17, R1
	MOVD	$SYS_kill, R8
	SVC
	RET

TEXT ·faultEntry(SB), NOSPLIT, $0-8
	MOVD	$·faultHandler(SB), R0
	MOVD	R0, ret+0(FP)
	RET
