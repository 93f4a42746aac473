package pid1

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goinit/health"
	"goinit/spec"
	"goinit/supervise"

	"golang.org/x/sys/unix"
)

// succession is a worker that serves, and another that is to replace it.
type succession struct {
	clusters *clusters
	old, new *member
	told     chan supervise.Verdict // of the new one
	informed chan string
	accepts  atomic.Bool // the new one waits where the test's own process does; else it is one that waits for nothing
	gone     atomic.Bool // nothing is left of the new one
}

// succeed has an old worker, which is this process, and one that is to replace it. What they listen on may differ.
func succeed(t *testing.T, before, after spec.App, files ...*os.File) *succession {
	t.Helper()
	idle := exec.Command("sleep", "infinity")
	idle.ExtraFiles = files
	if err := idle.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		idle.Process.Kill()
		idle.Wait()
	})
	s := &succession{clusters: testClusters(t), told: make(chan supervise.Verdict, 100), informed: make(chan string, 100)}
	s.clusters.inform = func(text string) { s.informed <- text }
	s.clusters.processes = func(w supervise.Work, main int) []int {
		switch {
		case w.Generation > 1 && s.gone.Load():
			return nil
		case w.Generation > 1 && s.accepts.Load():
			return []int{os.Getpid()}
		}
		return []int{main}
	}
	prepare(t, s.clusters, before)
	s.old = join(t, s.clusters, &before, 0, 1).(*member)
	s.old.Started(os.Getpid())
	s.old.Enter()
	prepare(t, s.clusters, after)
	m, err := s.clusters.Join(supervise.Work{App: &after, Slot: 0, Generation: 2}, func(v supervise.Verdict) { s.told <- v })
	if err != nil {
		t.Fatal(err)
	}
	s.new = m.(*member)
	s.new.Started(idle.Process.Pid)
	t.Cleanup(func() {
		if q := s.new.question; q != nil {
			q.stop()
		}
	})
	return s
}

// polls puts the n-th socket of the old worker into an epoll set of ours.
func (s *succession) polls(t *testing.T, set, n int) {
	t.Helper()
	if err := unix.EpollCtl(set, unix.EPOLL_CTL_ADD, s.old.fds[n], &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil {
		t.Fatal(err)
	}
}

func epollSet(t *testing.T) int {
	t.Helper()
	set, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(set) })
	return set
}

// expect waits for what is told next.
func (s *succession) expect(t *testing.T, kind supervise.VerdictKind, detail string) {
	t.Helper()
	select {
	case v := <-s.told:
		if v.Kind != kind || v.Detail != detail {
			t.Fatalf("told %v %q, want %v %q", v.Kind, v.Detail, kind, detail)
		}
	case <-time.After(time.Minute):
		t.Fatalf("nothing was told, want %v %q", kind, detail)
	}
}

// One that does not wait where the old one does is not ready; it is told once, and when it does it is ready.
func TestQuestion(t *testing.T) {
	for _, balance := range []string{"reuseport", "shared"} {
		t.Run(balance, func(t *testing.T) {
			app := appOf(t, "web", 1, host+":7101", "udp:"+host+":7102")
			app.Balance = balance
			s := succeed(t, app, app)
			set := epollSet(t)
			s.polls(t, set, 0)
			s.polls(t, set, 1)
			stop := s.new.Confirm()
			gap := "it does not accept on " + host + ":7101, where the worker that it is to replace does"
			s.expect(t, supervise.VerdictUnready, gap)
			want := "web/0: " + gap + ": it is not ready before it does" +
				"\n  if it does so in a way that cannot be seen, let it say when it is ready: readiness: {notify: true}; or, if it is not meant to, have all end before the new ones start: goinit ctl restart"
			if got := <-s.informed; got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
			s.accepts.Store(true)
			s.expect(t, supervise.VerdictReady, "")
			stop()
			if n := len(s.informed) + len(s.told); n > 0 {
				t.Errorf("%d more were told", n)
			}
		})
	}
}

// What the old one does not show, what its successor does not have, and what cannot be seen, is not asked for.
func TestQuestionWithoutEvidence(t *testing.T) {
	app := appOf(t, "web", 1, host+":7111", host+":7112")
	for name, c := range map[string]struct {
		after  spec.App
		polls  []int
		before func(s *succession)
	}{
		"the old one shows nothing":        {app, nil, func(*succession) {}},
		"the new one has another address":  {appOf(t, "web", 1, host+":7112"), []int{0}, func(*succession) {}},
		"the old one is out of balance":    {app, []int{0, 1}, func(s *succession) { s.old.Leave() }},
		"the old one is gone":              {app, []int{0, 1}, func(s *succession) { s.old.Gone() }},
		"goinit accepts":                   {func() spec.App { a := app; a.Balance = "round-robin"; return a }(), []int{0, 1}, func(*succession) {}},
		"the new one waits on all of them": {app, []int{0, 1}, func(s *succession) { s.accepts.Store(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := succeed(t, app, c.after)
			set := epollSet(t)
			for _, n := range c.polls {
				s.polls(t, set, n)
			}
			c.before(s)
			s.new.Confirm()
			s.expect(t, supervise.VerdictReady, "")
			if n := len(s.informed); n > 0 {
				t.Errorf("told: %s", <-s.informed)
			}
		})
	}
}

// Of one that cannot be seen, for it has more descriptors than are looked at, nothing is asked.
func TestQuestionOfWhoCannotBeSeen(t *testing.T) {
	const many = 5000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < many+100 {
		t.Skipf("so many descriptors are not to be had: %v, %v", limit, err)
	}
	app := appOf(t, "web", 1, host+":7151")
	s := succeed(t, app, app, slices.Repeat([]*os.File{os.Stderr}, many)...)
	s.polls(t, epollSet(t), 0)
	s.new.Confirm()
	s.expect(t, supervise.VerdictReady, "")
	if n := len(s.informed); n > 0 {
		t.Errorf("told: %s", <-s.informed)
	}
}

// One that ends while it is looked at is not ready for that.
func TestQuestionOfWhoEnds(t *testing.T) {
	app := appOf(t, "web", 1, host+":7161")
	s := succeed(t, app, app)
	s.polls(t, epollSet(t), 0)
	s.gone.Store(true)
	s.new.Confirm()
	s.expect(t, supervise.VerdictUnready, "it does not accept on "+host+":7161, where the worker that it is to replace does")
	for range 5 {
		s.new.question.look()
	}
	if len(s.told) > 0 {
		t.Errorf("told %+v", <-s.told)
	}
}

// A successor that waits in some places is told where not; when the old one leaves, there is nothing to ask for.
func TestQuestionOfTwo(t *testing.T) {
	app := appOf(t, "web", 1, host+":7122", "udp:"+host+":7121")
	s := succeed(t, app, app)
	set := epollSet(t)
	s.polls(t, set, 0)
	s.polls(t, set, 1)
	s.new.Confirm()
	s.expect(t, supervise.VerdictUnready, "it does not accept on "+host+":7122, where the worker that it is to replace does")
	c := s.clusters
	c.mu.Lock()
	s.new.question.marks[0].here = true // as if it did now
	c.mu.Unlock()
	s.expect(t, supervise.VerdictUnready, "it does not read from udp:"+host+":7121, where the worker that it is to replace does")
	if n := len(s.informed); n != 1 {
		t.Errorf("told in the log %d times", n)
	}
	s.old.Leave()
	s.expect(t, supervise.VerdictReady, "")
}

// Where the old one had to go first, another worker that serves shows where to wait.
func TestQuestionInPlace(t *testing.T) {
	app := appOf(t, "web", 2, host+":7171")
	s := succeed(t, app, app)
	s.old.Leave()
	s.old.Gone()
	s.old = join(t, s.clusters, &app, 1, 1).(*member)
	s.old.Started(os.Getpid())
	s.old.Enter()
	s.new.Enter() // it serves, as far as anybody knows
	set := epollSet(t)
	s.polls(t, set, 0)
	s.new.Confirm()
	s.expect(t, supervise.VerdictUnready, "it does not accept on "+host+":7171, where web/1 does")
	s.old = s.new // its slot has a socket of its own
	s.polls(t, set, 0)
	s.accepts.Store(true)
	s.expect(t, supervise.VerdictReady, "")
}

// Nobody is asked any more after the end of the process, or when it is not wanted.
func TestQuestionIsOver(t *testing.T) {
	for name, end := range map[string]func(s *succession, stop func()){
		"stopped": func(_ *succession, stop func()) { stop() },
		"gone":    func(s *succession, _ func()) { s.new.Gone() },
	} {
		t.Run(name, func(t *testing.T) {
			app := appOf(t, "web", 1, host+":7131")
			s := succeed(t, app, app)
			s.polls(t, epollSet(t), 0)
			stop := s.new.Confirm()
			s.expect(t, supervise.VerdictUnready, "it does not accept on "+host+":7131, where the worker that it is to replace does")
			end(s, stop)
			s.accepts.Store(true)
			s.new.question.look() // as a timer does that has fired already
			if len(s.told) > 0 {
				t.Errorf("%+v", <-s.told)
			}
		})
	}
}

// An old one that was seen in accept(2), and then is not for a while, says nothing any more: the new one may be as busy.
func TestMarkOfWhoIsBusy(t *testing.T) {
	seen := func(all ...health.Wait) health.Wait {
		var p mark
		for _, w := range all {
			p.noteOld(w)
		}
		return p.old
	}
	many := func(w health.Wait, n int) []health.Wait { return slices.Repeat([]health.Wait{w}, n) }
	busy := many(health.Unseen, maxAbsent)
	for _, c := range []struct {
		looks []health.Wait
		want  health.Wait
	}{
		{many(health.Unseen, 3), health.Unseen},
		{slices.Concat(many(health.Blocked, 1), busy), health.Blocked},
		{slices.Concat(many(health.Blocked, 1), busy, many(health.Unseen, 1)), health.Unseen},
		{slices.Concat(many(health.Blocked, 1), busy, many(health.Blocked, 1), busy), health.Blocked},
		{slices.Concat(many(health.Polled, 1), busy, busy), health.Polled},
	} {
		if got := seen(c.looks...); got != c.want {
			t.Errorf("%v: %v, want %v", c.looks, got, c.want)
		}
	}
}

// What the log says at the end of start_timeout names this as what was waited for.
func TestMoreTimeOfWhoAccepts(t *testing.T) {
	app := appOf(t, "web", 1, host+":7141")
	n := &narrator{spec: func(string) *spec.App { return &app }}
	want := "what was waited for is that it accepts where the one that it is to replace does; if it does so in another way, or needs longer: " +
		"readiness: {notify: true, start_timeout: 2m}; if it is not meant to: goinit ctl restart web"
	if got := n.moreTime("web"); strings.TrimSpace(got) != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
