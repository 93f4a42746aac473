//go:build !forkexec

#include "textflag.h"

// func rawVfork(flags uintptr, pidfd *int32, tid *int32) uintptr
//
// clone(flags, NULL, pidfd, 0, tid), include/uapi/asm-generic/unistd.h 220: the last two are the other way round than
// on x86. The return address is in a register all the time.
TEXT ·rawVfork(SB), NOSPLIT|NOFRAME, $0-32
	MOVD	flags+0(FP), R0
	MOVD	$0, R1
	MOVD	pidfd+8(FP), R2
	MOVD	$0, R3
	MOVD	tid+16(FP), R4
	MOVD	$220, R8
	SVC
	MOVD	R0, ret+24(FP)
	RET
