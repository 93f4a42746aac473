package reaper

// step is something that a child does between fork and exec, for the message when it fails.
type step int32

const (
	stepFork step = iota
	stepCgroup
	stepSession
	stepGroup
	stepControllingTerminal
	stepForeground
	stepNice
	stepIOPriority
	stepOOMScoreAdj
	stepLimit
	stepBounding
	stepKeepCapabilities
	stepGroups
	stepGID
	stepUID
	stepCapabilities
	stepAmbient
	stepDir
	stepNoNewPrivileges
	stepFiles
	stepExec
)

func (s step) String() string {
	return [...]string{
		stepFork:                "fork",
		stepCgroup:              "enter cgroup",
		stepSession:             "start a session",
		stepGroup:               "start a process group",
		stepControllingTerminal: "take the controlling terminal",
		stepForeground:          "take the terminal's foreground",
		stepNice:                "set nice",
		stepIOPriority:          "set ionice",
		stepOOMScoreAdj:         "set oom_score_adj",
		stepLimit:               "set ulimit",
		stepBounding:            "drop capability from the bounding set",
		stepKeepCapabilities:    "keep capabilities",
		stepGroups:              "set supplementary groups",
		stepGID:                 "set gid",
		stepUID:                 "set uid",
		stepCapabilities:        "set capabilities",
		stepAmbient:             "set ambient capabilities",
		stepDir:                 "change to directory",
		stepNoNewPrivileges:     "set no_new_privs",
		stepFiles:               "set up descriptors",
		stepExec:                "exec",
	}[s]
}
