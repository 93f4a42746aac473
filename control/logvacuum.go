package control

import "goinit/logs/segment"

// LogVacuumRequest removes the oldest segments. What is open is closed first.
type LogVacuumRequest struct {
	Apps          []string `json:"apps,omitempty"`            // none: all
	MaxBytes      *int64   `json:"max_bytes,omitempty"`       // what may be left of these apps, together
	MaxAgeSeconds *float64 `json:"max_age_seconds,omitempty"` // of a segment's last line
}

// LogVacuumReply is what went, and what is left of all apps.
type LogVacuumReply struct {
	Removed int   `json:"removed"` // segments
	Freed   int64 `json:"freed"`   // bytes
	Bytes   int64 `json:"bytes"`
}

func logVacuum(c *call, r LogVacuumRequest) (LogVacuumReply, error) {
	const most = 1e9 // seconds; what is older was not written by goinit
	switch {
	case r.MaxBytes == nil && r.MaxAgeSeconds == nil:
		return LogVacuumReply{}, invalid("max_bytes", "max_bytes or max_age_seconds: say what may be left")
	case r.MaxBytes != nil && *r.MaxBytes < 0:
		return LogVacuumReply{}, invalid("max_bytes", "max_bytes: %d is less than none", *r.MaxBytes)
	case r.MaxAgeSeconds != nil && !(*r.MaxAgeSeconds > 0 && *r.MaxAgeSeconds <= most):
		return LogVacuumReply{}, invalid("max_age_seconds", "max_age_seconds: %v is no age", *r.MaxAgeSeconds)
	}
	for _, app := range r.Apps {
		if !segment.ValidApp(app) {
			return LogVacuumReply{}, noTarget(app, "%q is no app's name", clip(app))
		}
	}
	return c.server.supervisor.Vacuum(c.ctx, r)
}
