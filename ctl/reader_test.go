package ctl

import (
	"context"
	"errors"
	"os"
	"testing"
)

// Who follows into a pipe ends with its reader, before there is anything to be written.
func TestFollowsUntilUnread(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx := untilUnread(t.Context(), int(w.Fd()))
	if err := ctx.Err(); err != nil {
		t.Errorf("while it is read: %v", err)
	}
	r.Close()
	<-ctx.Done()
	if own := (exit{}); !errors.As(unread(ctx, ctx.Err()), &own) || own.status != 141 || own.Error() != "" {
		t.Errorf("%+v", own)
	}
	other := errors.New("another end")
	if err := unread(t.Context(), other); err != other {
		t.Error(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if ctx := context.Background(); untilUnread(ctx, int(null.Fd())) != ctx {
		t.Error("what is no pipe is looked after")
	}
}
