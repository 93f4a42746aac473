//go:build !forkexec

#include "textflag.h"

// func rawVfork(flags uintptr, pidfd *int32, tid *int32) uintptr
//
// clone(flags, NULL, pidfd, tid, 0), arch/x86/entry/syscalls/syscall_64.tbl 56. The child shares our stack and will
// overwrite what lies below the caller's frame, our return address first: it waits in a register.
TEXT ·rawVfork(SB), NOSPLIT|NOFRAME, $0-32
	MOVQ	flags+0(FP), DI
	XORL	SI, SI
	MOVQ	pidfd+8(FP), DX
	MOVQ	tid+16(FP), R10
	XORL	R8, R8
	MOVQ	$56, AX
	POPQ	R12
	SYSCALL
	PUSHQ	R12
	MOVQ	AX, ret+24(FP)
	RET
