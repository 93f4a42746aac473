package pid1

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goinit/messages"
	"goinit/supervise"
)

// A worker that comes and goes is told three times a minute, and then how often it was; the last word is what is so.
func TestDamper(t *testing.T) {
	for name, tt := range map[string]struct {
		play func(d *damper)
		want string
	}{
		"three times": {func(d *damper) { flip(d, 3); time.Sleep(flapWindow) }, "gggccc"},
		"it comes back": {func(d *damper) { flip(d, 1000); time.Sleep(flapWindow) },
			"gggccc[worker.unready 1000 busy true]"},
		"it does not": {func(d *damper) { flip(d, 9); d.take(goes("web/0")); time.Sleep(flapWindow) },
			"gggccc[worker.unready 10 busy false]"},
		"it ends": {func(d *damper) {
			flip(d, 9)
			d.take(supervise.Event{At: time.Now(), Type: "worker.exited", App: "web", Worker: "web/0"})
			time.Sleep(flapWindow)
		}, "gggccce[worker.unready 9 busy <nil>]"},
		"each minute anew": {func(d *damper) {
			flip(d, 4)
			time.Sleep(flapWindow + 1)
			flip(d, 1)
			time.Sleep(flapWindow)
			flip(d, 1)
		},
			"gggggccccc[worker.unready 4 busy true]"},
		"after a minute the first one counts": {func(d *damper) { flip(d, 3); time.Sleep(flapWindow); flip(d, 3) }, "ggggggcccccc"},
		"the app leaves": {func(d *damper) {
			flip(d, 9)
			d.take(supervise.Event{Type: "app.removed", App: "web"})
			time.Sleep(2 * flapWindow)
		}, "gggcccr"},
		"unhealthy, and nothing is done": {func(d *damper) { ill(d, "none", 9); time.Sleep(flapWindow) }, "uuu[worker.unhealthy 9 hangs <nil>]"},
		"unhealthy, and restarted":       {func(d *damper) { ill(d, "restart", 9); time.Sleep(flapWindow) }, "uuuuuuuuu"},
		"others are others": {func(d *damper) {
			flip(d, 4)
			d.take(goes("web/1"))
			time.Sleep(flapWindow)
		}, "ggggccc[worker.unready 4 busy true]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said, sums := map[string]string{}, ""
				d := newDamper(func(e supervise.Event) {
					if e.Type == "worker.flapping" {
						sums += fmt.Sprint([]any{e.Data["event"], e.Data["times"], e.Data["detail"], e.Data["ready"]})
						return
					}
					letter := map[string]string{"worker.unready": "g", "worker.ready": "c", "worker.exited": "e", "worker.unhealthy": "u", "app.removed": "r"}[e.Type]
					said[letter] += letter
				})
				tt.play(d)
				synctest.Wait()
				if got := said["g"] + said["u"] + said["c"] + said["e"] + said["r"] + sums; got != tt.want {
					t.Errorf("%s, want %s", got, tt.want)
				}
			})
		})
	}
}

func goes(worker string) supervise.Event {
	return supervise.Event{At: time.Now(), Type: "worker.unready", App: "web", Worker: worker, Data: map[string]any{"detail": "busy"}}
}

// flip has web/0 go and come.
func flip(d *damper, times int) {
	for range times {
		d.take(goes("web/0"))
		d.take(supervise.Event{At: time.Now(), Type: "worker.ready", App: "web", Worker: "web/0", Data: map[string]any{"again": true}})
	}
}

func ill(d *damper, action string, times int) {
	for range times {
		d.take(supervise.Event{At: time.Now(), Type: "worker.unhealthy", App: "web", Worker: "web/0", Data: map[string]any{"detail": "hangs", "action": action}})
	}
}

func TestFlappingIsSaid(t *testing.T) {
	var said strings.Builder
	n := newNarrator(messages.New(&said, messages.Info, messages.Text), nil, nil)
	for _, data := range []map[string]any{
		{"event": "worker.unready", "times": 57, "detail": "busy", "ready": true},
		{"event": "worker.unready", "times": 57, "detail": "busy", "ready": false},
		{"event": "worker.unhealthy", "times": 4, "detail": "hangs"},
	} {
		n.say(supervise.Event{Type: "worker.flapping", App: "web", Worker: "web/0", Data: data}, false)
	}
	const want = "goinit: web/0 was not ready 57 times within a minute, and is ready now; the last time: busy\n" +
		"goinit: web/0 was not ready 57 times within a minute, and is not now; the last time: busy\n" +
		"goinit: web/0 was unhealthy 4 times within a minute; the last time: hangs\n"
	if said.String() != want {
		t.Errorf("%s\nwant\n%s", said.String(), want)
	}
}
