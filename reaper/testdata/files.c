// files: prints its descriptors and what they are, a line each, to descriptor 2.
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
	char path[64], to[PATH_MAX];
	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, to, sizeof to - 1);
		if (n < 0 || fd == 2)
			continue;
		to[n] = 0;
		char *base = strrchr(to, '/');
		dprintf(2, "%d %s\n", fd, base ? base + 1 : to);
	}
}
