// brood STATUS N: makes N children; all of them and itself wait for end of file on descriptor 3, then exit, itself with
// STATUS. A line break on descriptor 4 says that they are all there.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char c;
	int status = atoi(argv[1]), n = atoi(argv[2]);
	for (int i = 0; i < n; i++) {
		if (fork() == 0) {
			close(4);
			read(3, &c, 1);
			_exit(99);
		}
	}
	write(4, "\n", 1);
	close(4);
	read(3, &c, 1);
	_exit(status);
}
