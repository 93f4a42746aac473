/* The least program: what is left of a start when it is subtracted. */
int main(void) { return 0; }
