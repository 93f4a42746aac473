package ctl

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// errNoReader ends a verb whose output nobody reads any more.
var errNoReader = errors.New("nobody reads the output any more")

// statusNoReader is what a shell says of a program that has died of SIGPIPE, as others would here (pipe(7)).
const statusNoReader = 128 + int(unix.SIGPIPE)

// unread is what a verb returns that has followed something: its own end, or that nobody reads any more.
func unread(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errNoReader) {
		return exit{status: statusNoReader}
	}
	return err
}

// untilUnread is a context that ends when stdout is a pipe and its reader has gone. "goinit ctl events -f | grep -m 1 x" has
// its answer then; the next event, whose writing would fail, may be hours away. tail -f does the same.
func untilUnread(ctx context.Context, stdout int) context.Context {
	var st unix.Stat_t
	if unix.Fstat(stdout, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return ctx
	}
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		for {
			fds := []unix.PollFd{{Fd: int32(stdout)}} // POLLERR is told unasked: poll(2)
			_, err := unix.Poll(fds, -1)
			switch {
			case errors.Is(err, unix.EINTR):
			case err == nil && fds[0].Revents&unix.POLLERR != 0:
				end(errNoReader)
				return
			default:
				return
			}
		}
	}()
	return ctx
}
