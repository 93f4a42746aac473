/* Waits for SIGUSR1 and writes to descriptor 1 when it came: CLOCK_MONOTONIC in ns, 8 bytes. The first is its start. */
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(void) {
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &usr1, 0)) return 1;
	for (;;) {
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		int64_t ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
		if (write(1, &ns, sizeof ns) != sizeof ns) return 1;
		while (sigwaitinfo(&usr1, 0) != SIGUSR1)
			;
	}
}
