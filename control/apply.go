package control

import "encoding/json"

// ApplyRequest makes the apps what a spec says.
type ApplyRequest struct {
	Spec           json.RawMessage `json:"spec,omitempty"` // compiled; absent: read again where it was read first
	DryRun         bool            `json:"dry_run,omitempty"`
	NoWait         bool            `json:"no_wait,omitempty"` // answer when it is read and accepted
	TimeoutSeconds float64         `json:"timeout_seconds,omitempty"`
}

// ApplyReply is what was done, or would be, app by app; those that stay as they are have the action none.
type ApplyReply struct {
	Changes []Change `json:"changes"`
}

func apply(c *call, r ApplyRequest) (ApplyReply, error) {
	result, err := c.do(r.TimeoutSeconds, Apply{Spec: r.Spec, DryRun: r.DryRun, NoWait: r.NoWait})
	if result.Changes == nil {
		result.Changes = []Change{}
	}
	for i := range result.Changes {
		if result.Changes[i].Keys == nil {
			result.Changes[i].Keys = []string{}
		}
	}
	return ApplyReply{result.Changes}, err
}
