package pid1

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"goinit/reaper"
	"goinit/supervise/launch"

	"golang.org/x/sys/unix"
)

// manyFiles is more descriptors than a worker is ever given.
const manyFiles = 1024

// explainStep says what could not be made of a child before its exec: by the key of the spec that asks for it, with what
// it asks for, and what it takes.
func explainStep(failed *reaper.StartError, c *reaper.Command) string {
	denied := failed.Errno == unix.EPERM || failed.Errno == unix.EACCES
	why := ": " + failed.Errno.Error()
	switch failed.Step {
	case "set ulimit":
		return explainLimit(failed.Limit, why, denied)
	case "change to directory":
		return explainDir(failed, c)
	case "set nice":
		return fmt.Sprintf("cannot set nice to %d%s", *c.Nice, why) + capabilityFor(denied, "SYS_NICE", "nice: less than goinit's own")
	case "set ionice":
		return "cannot set ionice to " + ioPriorityName(*c.IOPriority) + why + capabilityFor(denied, "SYS_NICE", "ionice: realtime")
	case "set oom_score_adj":
		if failed.Errno == unix.ENOENT {
			return fmt.Sprintf("cannot set oom_score_adj to %d%s\n  mount a proc filesystem at /proc", *c.OOMScoreAdj, why)
		}
		return fmt.Sprintf("cannot set oom_score_adj to %d%s", *c.OOMScoreAdj, why) + capabilityFor(denied, "SYS_RESOURCE", "oom_score_adj: less than goinit was started with")
	case "set supplementary groups":
		return fmt.Sprintf("cannot set the supplementary groups to %s%s", groupNames(c.Credential.Groups), why) + capabilityFor(denied, "SETGID", "user and group_add")
	case "set gid":
		return fmt.Sprintf("cannot set gid %d%s", c.Credential.GID, why) + capabilityFor(denied, "SETGID", "user") + notMapped(failed.Errno)
	case "set uid":
		return fmt.Sprintf("cannot set uid %d%s", c.Credential.UID, why) + capabilityFor(denied, "SETUID", "user") + notMapped(failed.Errno)
	case "drop capability from the bounding set":
		return "cannot drop a capability from the bounding set" + why + capabilityFor(denied, "SETPCAP", "capabilities: drop") +
			"\n  or no_new_privileges: true, with which nothing is gained from that set"
	case "set up descriptors":
		for _, l := range slices.Backward(c.Limits) { // the last one holds
			if l.Resource == unix.RLIMIT_NOFILE && l.Soft < manyFiles {
				return fmt.Sprintf("cannot set up descriptors%s\n  ulimits: {nofile: %d} is too few: a program needs those that it is given, and more for its own files", why, l.Soft)
			}
		}
	}
	return failed.Error()
}

// capabilityFor is the remedy where it takes a capability.
func capabilityFor(denied bool, name, key string) string {
	if !denied {
		return ""
	}
	return fmt.Sprintf("\n  %s takes root with the capability %s: docker run --cap-add %s, or securityContext.capabilities.add; or leave it out", key, name, name)
}

// notMapped is for who is not known in a user namespace (user_namespaces(7)).
func notMapped(errno unix.Errno) string {
	if errno != unix.EINVAL {
		return ""
	}
	return "\n  it is not mapped into this user namespace: see /proc/self/uid_map and gid_map"
}

func explainLimit(l *reaper.Limit, why string, denied bool) string {
	if l == nil {
		return "cannot set a ulimit" + why
	}
	name, value := launch.LimitName(l.Resource), limitValue(l.Hard)
	text := "cannot set the ulimit " + name + " to " + value
	if l.Soft != l.Hard {
		text += " (soft: " + limitValue(l.Soft) + ")"
	}
	text += why
	var own unix.Rlimit
	if !denied || unix.Getrlimit(l.Resource, &own) != nil {
		return text
	}
	if most := filesAtMost(l); most != "" {
		return text + "\n  the kernel allows no more than " + most + " (fs.nr_open)"
	}
	return text + "; the hard limit here is " + limitValue(own.Max) +
		"\n  ulimits: {" + name + ": " + limitValue(own.Max) + "} or less; or raise it: docker run --ulimit " + name + "=" + strings.Replace(value, "unlimited", "-1", 1) + ", or --cap-add SYS_RESOURCE"
}

// filesAtMost is the kernel's own limit on NOFILE, if that is what is in the way.
func filesAtMost(l *reaper.Limit) string {
	if l.Resource != unix.RLIMIT_NOFILE {
		return ""
	}
	b, err := os.ReadFile("/proc/sys/fs/nr_open")
	text := strings.TrimSpace(string(b))
	if n, bad := strconv.ParseUint(text, 10, 64); err != nil || bad != nil || l.Hard <= n {
		return ""
	}
	return text
}

func limitValue(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

func explainDir(failed *reaper.StartError, c *reaper.Command) string {
	text := "cannot change to the directory " + failed.Path + ": " + failed.Errno.Error() + "\n  "
	switch failed.Errno {
	case unix.ENOENT, unix.ENOTDIR:
		return text + "working_dir: is it in the image, or in a volume that has to be mounted?"
	case unix.EACCES:
		return text + "it, or a directory above it, is closed to uid " + uidOf(c) + ": chmod or chown it, or another user or working_dir"
	}
	return text + "another working_dir"
}

func groupNames(groups []uint32) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = strconv.FormatUint(uint64(g), 10)
	}
	return strings.Join(names, " ")
}

// ioPriorityName is an I/O priority as ionice: in the spec has it (ioprio_set(2)).
func ioPriorityName(v int) string {
	class, level := v>>13, v&(1<<13-1)
	switch class {
	case 1:
		return "realtime:" + strconv.Itoa(level)
	case 2:
		return "best-effort:" + strconv.Itoa(level)
	case 3:
		return "idle"
	}
	return "none"
}
