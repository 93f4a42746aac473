/*
 * Makes N orphans by forking twice, in batches; they wait for the end of a pipe. Then, each step after a byte on
 * descriptor 0, and each answered on descriptor 1 with CLOCK_MONOTONIC in ns (8 bytes):
 *   (no byte)  all N are there
 *   1st byte   the pipe is closed, when all N were about to exit: two answers, before and after
 *   2nd byte   all N have been reaped: their pids are gone
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 100 };

struct shared {
	atomic_int born, dying;
	pid_t pid[];
};

static void report(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t ns = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
	if (write(1, &ns, sizeof ns) != sizeof ns) _exit(1);
}

static void await_byte(void) {
	char c;
	if (read(0, &c, 1) != 1) _exit(1);
}

static void orphan(struct shared *s, int end) {
	char c;
	atomic_fetch_add(&s->born, 1);
	while (read(end, &c, 1) < 0 && errno == EINTR)
		;
	atomic_fetch_add(&s->dying, 1);
	_exit(0);
}

static void batch(struct shared *s, int first, int n, int end) {
	for (int i = first; i < first + n; i++) {
		pid_t pid = fork();
		if (pid < 0) _exit(1);
		if (pid == 0) orphan(s, end);
		s->pid[i] = pid;
	}
	_exit(0);
}

int main(int argc, char **argv) {
	int n = argc > 1 ? atoi(argv[1]) : 10000, ends[2], status;
	struct shared *s = mmap(0, sizeof *s + n * sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED || pipe(ends)) return 1;
	for (int i = 0; i < n; i += BATCH) {
		pid_t pid = fork();
		if (pid < 0) return 1;
		if (pid == 0) {
			close(ends[1]);
			batch(s, i, n - i < BATCH ? n - i : BATCH, ends[0]);
		}
		if (waitpid(pid, &status, 0) != pid || status) return 1;
	}
	while (atomic_load(&s->born) < n) usleep(1000);
	report();

	await_byte();
	report();
	close(ends[1]);
	while (atomic_load(&s->dying) < n) usleep(200);
	report();

	await_byte();
	for (int i = 0; i < n; i++)
		while (kill(s->pid[i], 0) == 0) usleep(200);
	report();
	for (;;) pause();
}
