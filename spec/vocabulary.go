package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"goinit/signame"

	"golang.org/x/sys/unix"
)

// ParseAppName reads the name of an app.
func ParseAppName(s string) (string, error) {
	if s == "all" {
		return "", fmt.Errorf(`"all" means every app: another name is wanted`)
	}
	if !isName(s, "-_", 63) || s[0] < 'a' || s[0] > 'z' {
		return "", fmt.Errorf("%q is not a name: write a to z, 0 to 9, - and _, a letter first, 63 at most", clip(s))
	}
	return s, nil
}

// ParseInstanceName reads the name of a goinit, which is part of a file's name.
func ParseInstanceName(s string) (string, error) {
	if !isName(s, "-_.", 63) || s[0] == '.' || s[0] == '-' {
		return "", fmt.Errorf("%q is not a name: write a to z, 0 to 9, -, _ and ., a letter or digit first, 63 at most", clip(s))
	}
	return s, nil
}

// ParseTag reads a tag, without its @.
func ParseTag(s string) (string, error) {
	if t, ok := strings.CutPrefix(s, "@"); ok {
		return "", fmt.Errorf("%q: the @ belongs to the command line, write %s", clip(s), clip(t))
	}
	if !isName(s, "-_.", 63) {
		return "", fmt.Errorf("%q is not a tag: write a to z, 0 to 9, -, _ and ., 63 at most", clip(s))
	}
	return s, nil
}

func isName(s, others string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}

// CheckVariableName says whether a process can be given a variable of that name and goinit does not give it itself.
func CheckVariableName(s string) error {
	if s == "" || strings.ContainsAny(s, "=\x00") || strings.ContainsAny(s, " \t\r\n$") {
		return fmt.Errorf("%q is not the name of a variable", clip(s))
	}
	return nil
}

// Signals that a process cannot take or that do not end it.
var notForStop = []string{"SIGSTOP", "SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGCHLD", "SIGURG"}

// ParseStopSignal reads a signal that may end a program.
func ParseStopSignal(s string) (string, error) {
	if _, err := ParseSignal(s); err != nil {
		return "", err
	}
	if slices.Contains(notForStop, s) {
		return "", fmt.Errorf("%s ends nothing: write SIGTERM, or what the program stops at", s)
	}
	return s, nil
}

// ParseReloadSignal reads a signal at which a program reloads itself.
func ParseReloadSignal(s string) (string, error) {
	if _, err := ParseSignal(s); err != nil {
		return "", err
	}
	if s == "SIGKILL" || s == "SIGSTOP" || s == "SIGTERM" {
		return "", fmt.Errorf("%s reloads nothing: write SIGHUP, or leave it out to have the workers replaced", s)
	}
	return s, nil
}

// ParseSignal is the number of a signal that is written in full: SIGTERM, SIGRTMIN+3.
func ParseSignal(s string) (syscall.Signal, error) {
	if sig, ok := signame.Parse(s); ok && strings.HasPrefix(s, "SIG") && strings.ToUpper(s) == s {
		return sig, nil
	}
	upper := strings.ToUpper(s)
	for _, guess := range []string{upper, "SIG" + upper} {
		if unix.SignalNum(guess) != 0 {
			return 0, fmt.Errorf("%q is not a signal: write %s", clip(s), guess)
		}
	}
	if n, err := strconv.Atoi(s); err == nil && n > 0 && unix.SignalName(syscall.Signal(n)) != "" {
		return 0, fmt.Errorf("%q is not a signal: write %s", s, unix.SignalName(syscall.Signal(n)))
	}
	return 0, fmt.Errorf("%q is not a signal: write a name such as SIGTERM, SIGQUIT or SIGRTMIN+3", clip(s))
}

// ParseUser reads a name, or uid[:gid]. Whether there is such a user is known at the start only.
func ParseUser(s string) (string, error) {
	user, group, both := strings.Cut(s, ":")
	if both && (!isID(user) || !isID(group)) {
		return "", fmt.Errorf("%q: a group goes with a number only: write a name, uid, or uid:gid", clip(s))
	}
	if !both && !isID(user) && !isAccount(user) {
		return "", fmt.Errorf("%q is not a user: write a name, uid, or uid:gid", clip(s))
	}
	return s, nil
}

// ParseGroup reads a name or a gid.
func ParseGroup(s string) (string, error) {
	if !isID(s) && !isAccount(s) {
		return "", fmt.Errorf("%q is not a group: write a name or a gid", clip(s))
	}
	return s, nil
}

// The kernel takes 2^32-1 for "leave as it is".
func isID(s string) bool {
	n, err := strconv.ParseUint(s, 10, 32)
	return err == nil && n < 1<<32-1
}

func isAccount(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsAny(s, ":,/ \t\r\n\x00") && (s[0] < '0' || s[0] > '9') && s[0] != '-'
}

// ParseUmask reads octal digits.
func ParseUmask(s string) (string, error) {
	if n, err := strconv.ParseUint(s, 8, 32); err != nil || n > 0o777 || len(s) > 5 {
		return "", fmt.Errorf(`%q is not a umask: write octal digits such as "0022"`, clip(s))
	}
	return s, nil
}

// ParseIONice reads class[:level] of ionice(1).
func ParseIONice(s string) (string, error) {
	class, level, leveled := strings.Cut(s, ":")
	ok := false
	switch class {
	case "realtime", "best-effort":
		ok = !leveled || len(level) == 1 && level[0] >= '0' && level[0] <= '7'
	case "idle", "none":
		ok = !leveled
	}
	if !ok {
		return "", fmt.Errorf("%q is none of realtime:0 to 7, best-effort:0 to 7, idle, none", clip(s))
	}
	return s, nil
}

// UlimitNames are the resources of prlimit(1).
func UlimitNames() []string {
	return []string{"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc",
		"rss", "rtprio", "rttime", "sigpending", "stack"}
}

func checkUlimitName(s string) error {
	if !slices.Contains(UlimitNames(), s) {
		return fmt.Errorf("%q is none of %s", clip(s), strings.Join(UlimitNames(), ", "))
	}
	return nil
}

// CapabilityNames are those of capabilities(7), in the order of their numbers.
func CapabilityNames() []string {
	return []string{"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
		"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
		"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
		"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
		"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
		"CHECKPOINT_RESTORE"}
}

// ParseCapability reads a name without CAP_.
func ParseCapability(s string) (string, error) {
	if slices.Contains(CapabilityNames(), s) {
		return s, nil
	}
	if guess := strings.TrimPrefix(strings.ToUpper(s), "CAP_"); slices.Contains(CapabilityNames(), guess) {
		return "", fmt.Errorf("%q: write %s", clip(s), guess)
	}
	return "", fmt.Errorf("%q is not a capability: write one of capabilities(7) without CAP_, such as NET_BIND_SERVICE", clip(s))
}

// ParseDroppedCapability reads the same, or ALL.
func ParseDroppedCapability(s string) (string, error) {
	if s == "ALL" {
		return s, nil
	}
	return ParseCapability(s)
}
