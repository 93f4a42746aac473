//go:build goinit_entry

#include "textflag.h"

// System call numbers: arch/x86/entry/syscalls/syscall_64.tbl
#define SYS_mmap 9
#define SYS_rt_sigprocmask 14
#define SYS_getpid 39
#define SYS_kill 62
#define SYS_fcntl 72
#define SYS_openat 257
#define SYS_prlimit64 302

// goinit_entry is the entry point of the executable. SP holds the initial stack (System V ABI, AMD64, 3.4.1).
TEXT goinit_entry(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVQ	SP, ·startBlock(SB)

	// rt_sigprocmask(SIG_SETMASK, &everySignal, &maskAtExec, 8)
	MOVQ	$SYS_rt_sigprocmask, AX
	MOVQ	$2, DI
	LEAQ	·everySignal(SB), SI
	LEAQ	·maskAtExec(SB), DX
	MOVQ	$8, R10
	SYSCALL

	// prlimit64(0, RLIMIT_NOFILE, NULL, &nofileAtExec)
	MOVQ	$SYS_prlimit64, AX
	XORL	DI, DI
	MOVQ	$7, SI
	XORL	DX, DX
	LEAQ	·nofileAtExec(SB), R10
	SYSCALL

	// closedAtExec |= 1<<fd where fcntl(fd, F_GETFD) fails. Such a number is taken by "/" as a mere path (O_PATH), which
	// can always be opened and neither read nor written: the runtime would die for want of a /dev/null.
	XORL	R8, R8
stdio:
	MOVQ	$SYS_fcntl, AX
	MOVQ	R8, DI
	MOVQ	$1, SI
	XORL	DX, DX
	SYSCALL
	TESTQ	AX, AX
	JGE	open
	MOVQ	$1, BX
	MOVQ	R8, CX
	SHLQ	CX, BX
	ORQ	BX, ·closedAtExec(SB)
	// openat(AT_FDCWD, "/", O_PATH|O_CLOEXEC)
	MOVQ	$SYS_openat, AX
	MOVQ	$-100, DI
	LEAQ	·rootPath(SB), SI
	MOVQ	$0x280000, DX
	XORL	R10, R10
	SYSCALL
open:
	INCQ	R8
	CMPQ	R8, $3
	JLT	stdio

	// The runtime's signal table: 65 entries of {int32 flags; string name}. Flags of 0: no handler, may be blocked.
	// Left to it: BUS, FPE and SEGV, its own faults.
	LEAQ	runtime·sigtable(SB), BX
	MOVQ	$1, CX
table:
	ADDQ	$24, BX
	CMPQ	CX, $7
	JEQ	next
	CMPQ	CX, $8
	JEQ	next
	CMPQ	CX, $11
	JEQ	next
	MOVL	$0, (BX)
next:
	INCQ	CX
	CMPQ	CX, $64
	JLE	table

	MOVQ	$0x3fffffffffffffff, AX
	MOVQ	AX, runtime·forcegcperiod(SB)

	// Make a copy of the block: the same, but for the environment of the runtime. It lies below it on the stack, or where
	// it is long, and the stack may be short, in memory of its own.
	MOVQ	SP, R8
	MOVQ	(R8), R9		// argc
	LEAQ	16(R8)(R9*8), R10	// envp
	MOVQ	R10, R11
env_end:
	MOVQ	(R11), AX
	ADDQ	$8, R11
	TESTQ	AX, AX
	JNE	env_end			// R11: auxv
	MOVQ	R11, R12
aux_end:
	MOVQ	(R12), AX
	ADDQ	$16, R12
	TESTQ	AX, AX
	JNE	aux_end			// R12: the end of the block
	MOVQ	R12, R13
	SUBQ	R8, R13
	ADDQ	$8, R13			// one more variable
	CMPQ	R13, $8192
	JGT	map
	SUBQ	R13, SP
	ANDQ	$~15, SP
	MOVQ	SP, DI
	JMP	place
map:
	// mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
	MOVQ	R8, R14
	MOVQ	R10, R15
	MOVQ	$SYS_mmap, AX
	XORL	DI, DI
	MOVQ	R13, SI
	MOVQ	$3, DX
	MOVQ	$0x22, R10
	MOVQ	$-1, R8
	XORL	R9, R9
	SYSCALL
	MOVQ	R14, R8
	MOVQ	R15, R10
	MOVQ	AX, DI
	MOVQ	R8, BX			// no memory: the block as it is
	TESTQ	AX, AX
	JLT	start
place:
	MOVQ	DI, BX
args:
	MOVQ	(R8), AX		// argc, argv, NULL
	MOVQ	AX, (DI)
	ADDQ	$8, R8
	ADDQ	$8, DI
	CMPQ	R8, R10
	JLT	args
	LEAQ	·runtimeSetting(SB), AX
	MOVQ	AX, (DI)
	ADDQ	$8, DI
env:
	MOVQ	(R8), AX
	ADDQ	$8, R8
	TESTQ	AX, AX
	JEQ	aux
	CMPW	(AX), $0x4f47		// "GO", little endian
	JNE	keep
	CMPB	2(AX), $0x49		// but not "GOI": GOINIT_…
	JNE	env
keep:
	MOVQ	AX, (DI)
	ADDQ	$8, DI
	JMP	env
aux:
	MOVQ	$0, (DI)
	ADDQ	$8, DI
copy:
	MOVQ	(R8), AX
	MOVQ	AX, (DI)
	ADDQ	$8, R8
	ADDQ	$8, DI
	CMPQ	R8, R12
	JLT	copy

start:
	// As _rt0_amd64_linux does: argc and argv, behind which the runtime looks for the rest.
	MOVQ	(BX), DI
	LEAQ	8(BX), SI
	JMP	runtime·rt0_go(SB)

// faultHandler is a signal handler: DI the signal, SI its siginfo, DX its context; on the alternate stack.
TEXT ·faultHandler(SB), NOSPLIT|NOFRAME, $0
	CMPL	8(SI), $0		// si_code: above 0 the kernel raised it, else somebody sent it
	JLE	sent
	MOVQ	·runtimeHandler(SB), AX
	JMP	AX
sent:
	MOVL	DI, CX
	DECL	CX
	MOVQ	$1, AX
	SHLQ	CX, AX
	LOCK
	ORQ	AX, ·faults(SB)
	MOVQ	$SYS_getpid, AX
	SYSCALL
	MOVQ	AX, DI
	MOVQ	$17, SI
	MOVQ	$SYS_kill, AX
	SYSCALL
	RET

TEXT ·faultEntry(SB), NOSPLIT, $0-8
	LEAQ	·faultHandler(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
