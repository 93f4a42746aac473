/* app FIFO NUMBER: says on a FIFO that it has started (CLOCK_MONOTONIC in ns, NUMBER; 16 bytes), then sleeps for ever. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct timespec t;
	if (argc < 3) return 1;
	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t word[2] = {(int64_t)t.tv_sec * 1000000000 + t.tv_nsec, atoi(argv[2])};
	int fd = open(argv[1], O_WRONLY);
	if (fd < 0 || write(fd, word, sizeof word) != sizeof word) return 1;
	close(fd);
	for (;;) pause();
}
