// siginfo: prints the number and the value of each signal that it gets, a line each.
#include <signal.h>
#include <stdio.h>

int main(void) {
	sigset_t all;
	siginfo_t i;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int n = sigwaitinfo(&all, &i);
		printf("%d %ld\n", n, i.si_code == SI_QUEUE ? (long)i.si_value.sival_ptr : 0L);
		fflush(stdout);
	}
}
