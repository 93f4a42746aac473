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

// resources are the limits of getrlimit(2), by the spec's names.
var resources = [...]struct {
	name   string
	number int
}{
	{"as", unix.RLIMIT_AS},
	{"core", unix.RLIMIT_CORE},
	{"cpu", unix.RLIMIT_CPU},
	{"data", unix.RLIMIT_DATA},
	{"fsize", unix.RLIMIT_FSIZE},
	{"locks", unix.RLIMIT_LOCKS},
	{"memlock", unix.RLIMIT_MEMLOCK},
	{"msgqueue", unix.RLIMIT_MSGQUEUE},
	{"nice", unix.RLIMIT_NICE},
	{"nofile", unix.RLIMIT_NOFILE},
	{"nproc", unix.RLIMIT_NPROC},
	{"rss", unix.RLIMIT_RSS},
	{"rtprio", unix.RLIMIT_RTPRIO},
	{"rttime", unix.RLIMIT_RTTIME},
	{"sigpending", unix.RLIMIT_SIGPENDING},
	{"stack", unix.RLIMIT_STACK},
}

func resource(name string) (int, bool) {
	for _, r := range resources {
		if r.name == name {
			return r.number, true
		}
	}
	return 0, false
}

// LimitName is what the spec calls a limit.
func LimitName(resource int) string {
	for _, r := range resources {
		if r.number == resource {
			return r.name
		}
	}
	return strconv.Itoa(resource)
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
