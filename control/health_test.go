package control

import (
	"testing"

	"goinit/spec"
)

// A job is well whatever its run is doing: nobody expects it to be up. What gave up, or was stopped, is another matter.
func TestHealthOfAJob(t *testing.T) {
	job := App{Name: "report", Spec: &spec.App{Schedule: &spec.Schedule{Every: 1e9}}}
	for state, want := range map[State]AppHealth{
		Scheduled: {"report", true, "scheduled", false}, Starting: {"report", true, "starting", false}, Stopping: {"report", true, "stopping", false},
		Failed: {"report", false, "failed", false}, Stopped: {"report", false, "stopped", false},
	} {
		if got, counts := job.health(false, []Worker{{State: state}}); got != want || counts != (state != Stopped) {
			t.Errorf("%s: %+v, it counts: %v", state, got, counts)
		}
	}
	other := App{Name: "web", Spec: &spec.App{}}
	if got, _ := other.health(false, []Worker{{State: Stopping}}); got.Healthy {
		t.Errorf("%+v", got)
	}
}
