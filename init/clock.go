package pid1

import "goinit/schedule"

// watchClock tells the supervisor of every jump of the clock, to the end. Where that cannot be had, a schedule's timer counts
// on as if there had been none.
func (r *runner) watchClock() {
	clock, err := schedule.OpenClock()
	if err != nil {
		r.messages.Warn("cannot watch the clock: "+err.Error()+"\n  after the clock was set forward, or the machine has slept, a job may come late", nil)
		return
	}
	go func() {
		defer clock.Close()
		for clock.Wait() == nil {
			r.supervisor.ClockSet()
		}
	}()
}
