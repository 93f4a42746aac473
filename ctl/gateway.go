package ctl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"goinit/control"
	"goinit/gateway"
)

// gatewayVerb is goinit's own: it starts one where the spec has gateway:, with a socket that listens and a connection.
func gatewayVerb() *cobra.Command {
	return &cobra.Command{
		Use:    "gateway",
		Short:  "answer over HTTP: probes and metrics",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := runGateway(c.Context()); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}

func runGateway(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	listener, fd, err := inherited()
	if err != nil {
		return err
	}
	client, err := control.Adopted(fd)
	if err != nil {
		return err
	}
	if err := gateway.Confine(); err != nil { // an old kernel, or a container's filter; who it is goes without
		fmt.Fprintln(os.Stderr, "the gateway cannot give up what it does not need:", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go awaitEnd(fd, func() { cancel(errLost) })
	lost := func(err error) { cancel(fmt.Errorf("%w: %w", errLost, err)) }
	if err := gateway.New(client, lost).Serve(ctx, listener); err != nil {
		return fmt.Errorf("the gateway cannot serve: %w", err)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errLost) { // else it was asked to end
		return fmt.Errorf("the gateway ends: %w", cause)
	}
	return nil
}

var errLost = errors.New("goinit has gone")

// inherited is what goinit gives the gateway: LISTEN_FDS, as sd_listen_fds(3) has it, and the number of a connection.
func inherited() (net.Listener, int, error) {
	const first = 3 // SD_LISTEN_FDS_START
	fd, err := strconv.Atoi(os.Getenv(control.GatewayVariable))
	if err != nil || os.Getenv("LISTEN_FDS") != "1" || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, 0, errors.New("gateway is started by goinit itself\n  write gateway: {listen: \":9180\"} in the spec, and goinit ctl apply")
	}
	f := os.NewFile(first, "listening socket")
	defer f.Close()
	listener, err := net.FileListener(f)
	if err != nil {
		return nil, 0, fmt.Errorf("descriptor %d: %w", first, err)
	}
	return listener, fd, nil
}

// awaitEnd waits for the other side of a connection to go, without reading from it.
func awaitEnd(fd int, gone func()) {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	for {
		if n, err := unix.Poll(p, -1); n > 0 || err != nil && err != unix.EINTR {
			gone()
			return
		}
	}
}
