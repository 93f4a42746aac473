/* Says that it runs, then sleeps for ever. */
#include <unistd.h>

int main(void) {
	if (write(1, "r", 1) != 1) return 1;
	for (;;) pause();
}
