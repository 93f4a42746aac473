package pid1

import (
	"fmt"
	"testing"

	"goinit/reaper"

	"golang.org/x/sys/unix"
)

// What a child could not be made is told with the key, its value, and what it takes.
func TestExplainStep(t *testing.T) {
	nice, io, score := -5, 1<<13|2, -500
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	hard := limitValue(files.Max)
	c := &reaper.Command{Nice: &nice, IOPriority: &io, OOMScoreAdj: &score, Limits: []reaper.Limit{{Resource: unix.RLIMIT_NOFILE, Soft: 2, Hard: 2}},
		Credential: &reaper.Credential{UID: 33, GID: 34, Groups: []uint32{35, 36}}}
	const cap = ": docker run --cap-add %[1]s, or securityContext.capabilities.add; or leave it out"
	takes := func(key, name string) string {
		return "\n  " + key + " takes root with the capability " + name + fmt.Sprintf(cap, name)
	}
	for _, tt := range []struct {
		failed reaper.StartError
		want   string
	}{
		{reaper.StartError{Step: "set ulimit", Errno: unix.EPERM, Limit: &reaper.Limit{Resource: unix.RLIMIT_NOFILE, Soft: 60, Hard: 70}},
			"cannot set the ulimit nofile to 70 (soft: 60): operation not permitted; the hard limit here is " + hard +
				"\n  ulimits: {nofile: " + hard + "} or less; or raise it: docker run --ulimit nofile=70, or --cap-add SYS_RESOURCE"},
		{reaper.StartError{Step: "set ulimit", Errno: unix.EINVAL, Limit: &reaper.Limit{Resource: unix.RLIMIT_CORE, Soft: 1, Hard: 1}}, "cannot set the ulimit core to 1: invalid argument"},
		{reaper.StartError{Step: "change to directory", Path: "/srv", Errno: unix.EACCES},
			"cannot change to the directory /srv: permission denied\n  it, or a directory above it, is closed to uid 33: chmod or chown it, or another user or working_dir"},
		{reaper.StartError{Step: "set nice", Errno: unix.EACCES}, "cannot set nice to -5: permission denied" + takes("nice: less than goinit's own", "SYS_NICE")},
		{reaper.StartError{Step: "set ionice", Errno: unix.EPERM}, "cannot set ionice to realtime:2: operation not permitted" + takes("ionice: realtime", "SYS_NICE")},
		{reaper.StartError{Step: "set oom_score_adj", Errno: unix.EACCES},
			"cannot set oom_score_adj to -500: permission denied" + takes("oom_score_adj: less than goinit was started with", "SYS_RESOURCE")},
		{reaper.StartError{Step: "set oom_score_adj", Errno: unix.ENOENT}, "cannot set oom_score_adj to -500: no such file or directory\n  mount a proc filesystem at /proc"},
		{reaper.StartError{Step: "set supplementary groups", Errno: unix.EPERM},
			"cannot set the supplementary groups to 35 36: operation not permitted" + takes("user and group_add", "SETGID")},
		{reaper.StartError{Step: "set gid", Errno: unix.EPERM}, "cannot set gid 34: operation not permitted" + takes("user", "SETGID")},
		{reaper.StartError{Step: "set uid", Errno: unix.EINVAL},
			"cannot set uid 33: invalid argument\n  it is not mapped into this user namespace: see /proc/self/uid_map and gid_map"},
		{reaper.StartError{Step: "drop capability from the bounding set", Errno: unix.EPERM},
			"cannot drop a capability from the bounding set: operation not permitted" + takes("capabilities: drop", "SETPCAP") +
				"\n  or no_new_privileges: true, with which nothing is gained from that set"},
		{reaper.StartError{Step: "set up descriptors", Errno: unix.EBADF}, "cannot set up descriptors: bad file descriptor" +
			"\n  ulimits: {nofile: 2} is too few: a program needs those that it is given, and more for its own files"},
		{reaper.StartError{Step: "start a session", Errno: unix.EPERM}, "start a session: operation not permitted"},
	} {
		if got := explainStep(&tt.failed, c); got != tt.want {
			t.Errorf("%v:\n got %q\nwant %q", &tt.failed, got, tt.want)
		}
	}
}
