package launch

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"goinit/reaper"
	"goinit/spec"

	"golang.org/x/sys/unix"
)

func resource(name string) (int, bool) {
	switch name {
	case "as":
		return unix.RLIMIT_AS, true
	case "core":
		return unix.RLIMIT_CORE, true
	case "cpu":
		return unix.RLIMIT_CPU, true
	case "data":
		return unix.RLIMIT_DATA, true
	case "fsize":
		return unix.RLIMIT_FSIZE, true
	case "locks":
		return unix.RLIMIT_LOCKS, true
	case "memlock":
		return unix.RLIMIT_MEMLOCK, true
	case "msgqueue":
		return unix.RLIMIT_MSGQUEUE, true
	case "nice":
		return unix.RLIMIT_NICE, true
	case "nofile":
		return unix.RLIMIT_NOFILE, true
	case "nproc":
		return unix.RLIMIT_NPROC, true
	case "rss":
		return unix.RLIMIT_RSS, true
	case "rtprio":
		return unix.RLIMIT_RTPRIO, true
	case "rttime":
		return unix.RLIMIT_RTTIME, true
	case "sigpending":
		return unix.RLIMIT_SIGPENDING, true
	case "stack":
		return unix.RLIMIT_STACK, true
	}
	return 0, false
}

// limits are an app's ulimits over those that goinit itself was started with.
func limits(ulimits map[string]spec.Ulimit, inherited []reaper.Limit) ([]reaper.Limit, error) {
	all := append([]reaper.Limit{}, inherited...)
	for name, u := range ulimits {
		n, ok := resource(name)
		if !ok {
			return nil, fmt.Errorf("ulimits: there is no %q (getrlimit(2))", name)
		}
		if u.Soft > u.Hard {
			return nil, fmt.Errorf("ulimits: %s: the soft limit %d is above the hard limit %d", name, u.Soft, u.Hard)
		}
		all = append(all, reaper.Limit{Resource: n, Soft: uint64(u.Soft), Hard: uint64(u.Hard)})
	}
	sort.SliceStable(all[len(inherited):], func(i, j int) bool { return all[len(inherited)+i].Resource < all[len(inherited)+j].Resource })
	return all, nil
}

// ioPriority reads class[:level] as ionice(1) names them.
func ioPriority(s string) (*int, error) {
	if s == "" {
		return nil, nil
	}
	name, level, given := strings.Cut(s, ":")
	class := map[string]int{"none": 0, "realtime": 1, "best-effort": 2, "idle": 3}
	c, ok := class[name]
	n := 4 // the kernel's own default
	if c != 1 && c != 2 {
		n = 0
	}
	if given {
		v, err := strconv.Atoi(level)
		ok = ok && err == nil && v >= 0 && v <= 7
		n = v
	}
	if !ok {
		return nil, fmt.Errorf("ionice: %q is none of none, realtime, best-effort and idle, with a level of 0 to 7: best-effort:4", s)
	}
	v := c<<13 | n
	return &v, nil
}

// umask reads octal digits.
func umask(s string) (*int, error) {
	if s == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(s, 8, 16)
	if err != nil || n > 0o777 {
		return nil, fmt.Errorf("umask: %q is no octal number up to 0777", s)
	}
	v := int(n)
	return &v, nil
}
