package ctl

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goinit/spec"
)

// diskUsage tells how much the logs take. goinit counts: it knows what it may still remove.
func (s *session) diskUsage(ctx context.Context, targets []string) error {
	return failed("--disk-usage is not available yet")
}

// vacuum has old logs removed, by the goinit that writes them.
func (s *session) vacuum(ctx context.Context, targets []string, f logsFlags) error {
	return failed("--vacuum is not available yet")
}

var _ = errors.New
var _ = fmt.Sprint
var _ time.Duration
var _ spec.App
