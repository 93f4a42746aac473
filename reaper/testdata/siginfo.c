// siginfo: prints the number and the value of each signal that it gets, a line each. In bare system calls, for the C
// library keeps 32 and 33 to itself.
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void) {
	unsigned long all = ~0ul;
	siginfo_t i;
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof all);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		long n = syscall(SYS_rt_sigtimedwait, &all, &i, NULL, sizeof all);
		printf("%ld %ld\n", n, i.si_code == SI_QUEUE ? (long)i.si_value.sival_ptr : 0L);
		fflush(stdout);
	}
}
