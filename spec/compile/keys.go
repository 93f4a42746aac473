package compile

//go:generate go run ./gen ../../docs

import "goinit/spec"

// The table of keys, in the order of reference.yaml. Its defaults and its words bind.

func rootKeys() mapping {
	return mapping{name: "spec", foreign: foreignRoot(), within: []string{"shutdown", "control", "messages", "log_store"}, keys: []key{
		{"version", integer(1, 1), "1", "version of the format"},
		{"name", text("name", spec.ParseInstanceName), "", "this goinit's name: of its socket, and for ctl -N; absent: the name of the working directory"},
		{"include", list{of: anyText("path or pattern"), alone: true}, "[]", "more files, from this file's folder; only apps: in them, a name twice is an error"},
		{"shutdown", mapping{name: "shutdown", keys: []key{
			{"timeout", text("duration or auto", autoOr(spec.ParseDuration)), "auto", "the whole ordered stop; auto: 28s under Kubernetes, 9s as PID 1 elsewhere, none otherwise"},
			{"delay", duration(), "0s", "first say not ready and go on serving; part of timeout"},
		}}, "", "how goinit itself ends"},
		{"control", mapping{name: "control", keys: []key{
			{"socket", anyText("path or auto"), "auto", "the control socket"},
			{"read_group", text("group", orEmpty(spec.ParseGroup)), `""`, "who may look and never touch"},
		}}, "", "the control socket"},
		{"messages", mapping{name: "messages", keys: []key{
			{"level", enum("error", "warn", "info", "debug"), "info", "what is worth a line"},
			{"format", enum("auto", "text", "json"), "auto", "auto: json if a console is json"},
		}}, "", "goinit's own lines, on stderr"},
		{"log_store", mapping{name: "log_store", keys: []key{
			{"directory", anyText("path, auto, memory or off"), "auto", "auto: $GOINIT_LOG_DIRECTORY, /var/log/goinit, $XDG_STATE_HOME/goinit or memory; off: keep nothing"},
			{"max_total", sizeOf(spec.ParseLogTotal), "128MiB", "all apps together; in memory 8MiB at most"},
			{"compress", enum("none", "zstd"), "none", "closed files, by a child of low priority; read back as if they were not"},
		}}, "", "where logs are kept"},
		{"gateway", mapping{name: "gateway", bare: true, keys: []key{
			{"listen", text("address", spec.ParseGatewayAddress), `":9180"`, "/livez /readyz /startupz /metrics, over TCP"},
		}}, "", "the helper that answers over HTTP; absent: none, {}: on"},
		{"defaults", app{appKeys()}, "{}", "any key of an app; maps merge, lists and single values replace; readiness, liveness or schedule without a kind of it is for apps that have one"},
		{"apps", table{keys: "name", check: check(spec.ParseAppName), of: app{appKeys()}, extra: true}, "", "what runs, by name"},
	}}
}

// includedKeys are what an included file may hold.
func includedKeys() mapping {
	root := rootKeys()
	apps, _ := root.find("apps")
	foreign := map[string]string{}
	for _, k := range root.keys {
		foreign[k.name] = "an included file has apps: only"
	}
	return mapping{name: "included file", keys: []key{apps}, foreign: foreign}
}

func appKeys() mapping {
	m := mapping{name: "app", foreign: foreignApp(), within: []string{"restart", "stop", "logs", "reload", "recycle", "resources", "readiness", "liveness", "hooks"}}
	for _, group := range [][]key{programKeys(), identityKeys(), socketKeys(), orderKeys(), healthKeys(), lifeKeys(), resourceKeys()} {
		m.keys = append(m.keys, group...)
	}
	return m
}

func programKeys() []key {
	return []key{
		{"command", words{}, "", "what runs; required, or shell:"},
		{"shell", shell{}, "", "what runs, by a shell"},
		{"working_dir", anyText("path"), ".", "absent: where goinit started; an app's relative paths start here"},
		{"environment", environment(), "", "variables; {file: PATH} is a secret, whose last newline is cut and which nothing shows"},
		{"env_file", list{of: either{scalar: anyText("path"), mapping: mapping{name: "env_file", keys: []key{
			{"path", anyText("path"), "", "the file"},
			{"required", boolean(), "true", "false: it need not be there"},
		}, foreign: map[string]string{"format": "there is one format only, compose's"}}}, alone: true}, "", "files of variables; environment wins"},
		{"inherit_environment", boolean(), "true", "goinit's own first, less its GOINIT_* settings"},
		{"enabled", boolean(), "true", "false: known, not started"},
		{"tags", list{of: text("tag", spec.ParseTag)}, "", "ctl restart @tag"},
	}
}

func identityKeys() []key {
	return []key{
		{"user", text("name or uid[:gid]", spec.ParseUser), "", "absent: goinit's; sets HOME, USER and LOGNAME unless given"},
		{"group_add", list{of: text("group", spec.ParseGroup)}, "[]", "supplementary groups"},
		{"umask", text("octal digits", spec.ParseUmask), "", "absent: goinit's"},
		{"nice", integer(-20, 19), "", "absent: goinit's"},
		{"ionice", text("class[:level]", spec.ParseIONice), "", "realtime:0-7, best-effort:0-7, idle, none; absent: goinit's"},
		{"oom_score_adj", integer(-1000, 1000), "", "absent: raised a little, that workers die before goinit"},
		{"ulimits", table{keys: "resource", check: checkUlimit, of: either{scalar: limit(), mapping: mapping{name: "ulimit", keys: []key{
			{"soft", limit(), "", "what holds"},
			{"hard", limit(), "", "what the program may raise it to"},
		}}}}, "", "limits of prlimit(1): N, unlimited, or {soft: N, hard: N}; absent: goinit's"},
		{"capabilities", mapping{name: "capabilities", keys: []key{
			{"drop", list{of: text("capability or ALL", spec.ParseDroppedCapability)}, "[]", "names without CAP_, or ALL"},
			{"add", list{of: text("capability", spec.ParseCapability)}, "[]", "names without CAP_"},
		}}, "", "capabilities(7)"},
		{"no_new_privileges", boolean(), "false", "no setuid program raises it"},
	}
}

func socketKeys() []key {
	return []key{
		{"workers", count(), "1", "N, or auto: the CPU quota rounded down, at least 1"},
		{"max_workers", integer(1, spec.MaxWorkers), "16", "what auto never exceeds; of a job with concurrency: allow, its runs at once"},
		{"increment", table{keys: "variable", check: spec.CheckVariableName, of: integer(0, 1<<31-1)}, "{}", "{PORT: 8080}: slot N gets PORT=8080+N"},
		{"listen", list{of: either{scalar: listenAddress(), mapping: mapping{name: "listen", oneOf: []string{"address"}, keys: []key{
			{"address", listenAddress(), "", "where"},
			{"name", text("name", spec.ParseFDName), "", "in LISTEN_FDNAMES; absent: the app's"},
			{"backlog", integer(1, 65535), "511", "waiting connections; the kernel cuts it to net.core.somaxconn"},
			{"message", anyText("text"), "", "node: ipc: the socket is sent with this message, as by `worker.send('server', server)`"},
			{"mode", text("octal digits", spec.ParseFileMode), `"0660"`, "of a unix socket, which is the worker's user's"},
		}}}}, "[]", "sockets opened and kept by goinit, given to workers as LISTEN_FDS"},
		{"balance", word{words: []string{"auto", "reuseport", "shared", "round-robin"}, foreign: foreignBalance()}, "auto",
			"who gets a connection; auto: reuseport for TCP, else shared; round-robin: node: cluster only"},
		{"node", word{words: []string{"auto", "cluster", "ipc", "off"}, foreign: foreignNode()}, "auto",
			"Node's channel; auto: cluster if command is node with a script and workers is not 1"},
		{"node_preload", boolean(), "true", "node cluster: workers load a file of goinit's (`NODE_OPTIONS`), by which keep-alive connections end without an error when one is replaced"},
	}
}

func orderKeys() []key {
	condition := word{words: []string{"started", "ready", "completed"}, foreign: foreignConditions()}
	return []key{
		{"depends_on", either{
			sequence: readyAll{},
			mapping: table{keys: "app", check: check(spec.ParseAppName), of: either{scalar: condition, short: wrapped("condition"), mapping: mapping{name: "depends_on", keys: []key{
				{"condition", condition, "ready", "started, ready or completed"},
				{"required", boolean(), "true", "false: one that fails, or that there is not, holds nobody up"},
				{"restart", boolean(), "false", "true: restart when it has come again"},
			}}}}}, "", "what must be so before it starts; [db] is {db: ready}"},
		{"main", boolean(), "false", `true: its final exit ends goinit with its status; restart is then "no" unless given`},
	}
}

func healthKeys() []key {
	probes := []key{
		{"http", url(), "", "a URL that answers 2xx or 3xx"},
		{"tcp", probeAddress(), "", "an address that accepts"},
		{"exec", words{}, "", "a command that exits 0"},
	}
	timing := []key{
		{"period", duration(), "10s", "between two probes"},
		{"timeout", duration(), "3s", "of one probe"},
		{"failure_threshold", integer(1, 1000), "3", "failures in a row that count"},
	}
	return []key{
		{"readiness", mapping{name: "readiness", oneOf: []string{"notify", "fd", "node", "listening", "log", "http", "tcp", "exec"}, foreign: foreignProbe(), keys: append(append([]key{
			{"notify", boolean(), "", "sd_notify READY=1"},
			{"fd", integer(3, 255), "", "a newline on this descriptor"},
			{"node", boolean(), "", "process.send('ready') on Node's channel"},
			{"listening", integer(1, 65535), "", "it listens on this port"},
			{"log", regex(), "", "a line that matches"},
		}, probes...), append([]key{
			{"start_timeout", duration(), "60s", "not ready by then: a failed start"},
			{"success_threshold", integer(1, 1000), "1", "successes in a row that count"},
		}, timing...)...)}, "", "absent: ready once executed"},
		{"liveness", mapping{name: "liveness", oneOf: []string{"http", "tcp", "exec", "heartbeat", "silence"}, foreign: foreignProbe(), keys: append(append([]key{
			{"heartbeat", duration(), "", "WATCHDOG=1 at least that often"},
			{"silence", duration(), "", "no line for that long"},
			{"initial_delay", duration(), "0s", "counted from ready"},
			{"action", enum("restart", "reload", "shutdown", "none"), "restart", "none: an event only"},
		}, probes...), timing...)}, "", "absent: none"},
	}
}

func lifeKeys() []key {
	policy := word{words: []string{"always", "on-failure", "no"}, foreign: foreignPolicies()}
	return []key{
		{"restart", either{scalar: policy, short: wrapped("policy"), mapping: mapping{name: "restart", foreign: foreignRestart(), keys: []key{
			{"policy", policy, "always", `always, on-failure or "no"`},
			{"success_codes", list{of: integer(0, 255)}, "[0]", "what on-failure leaves alone"},
			{"delay", duration(), "100ms", "the first restart at once, then delay, doubling, with jitter"},
			{"max_delay", duration(), "30s", "where doubling ends"},
			{"reset_after", duration(), "10s", "of being ready"},
			{"max_restarts", integer(0, 1<<31-1), "", "absent: no limit"},
			{"window", duration(), "", "what max_restarts counts in"},
		}}}, "", "when it dies; or one word, the policy"},
		{"on_failure", enum("shutdown", "ignore"), "shutdown", "gave up: shutdown ends goinit with its status; of a job ignore, and shutdown is for a run that failed"},
		{"schedule", either{scalar: cron(), short: wrapped("cron"), mapping: mapping{name: "schedule", oneOf: []string{"cron", "every"}, keys: []key{
			{"cron", cron(), "", "five fields, or @hourly, @daily, @weekly, @monthly, @yearly"},
			{"every", text("duration", spec.ParseEvery), "", "from start to start; the first one a period after goinit's"},
			{"timezone", timezone(), "UTC", "of cron; Local, or a name of tzdata"},
			{"concurrency", enum("forbid", "allow", "replace"), "forbid", "when the last run is not over: forbid skips the new one; allow has max_workers at once; replace stops the last"},
			{"timeout", duration(), "", "of one run"},
			{"history", integer(0, 1000), "10", "runs that are remembered"},
		}}}, "", "makes it a job; restart does not apply, but for success_codes"},
		{"recycle", mapping{name: "recycle", keys: []key{
			{"schedule", cron(), "", "when: as an app's schedule"},
			{"timezone", timezone(), "UTC", "of schedule"},
			{"max_age", duration(), "", "of a worker's process"},
			{"jitter", duration(), "5m", "what chance adds to schedule and max_age, that not all are replaced at once"},
			{"memory", text("size or percentage", spec.ParseMemoryThreshold), "", "of resources.memory, or a size"},
			{"pressure", text("PSI trigger", spec.ParsePressure), "", "some 150ms per 1s"},
		}}, "", "replace workers on purpose; absent: never"},
		{"reload", mapping{name: "reload", keys: []key{
			{"max_surge", text("number or auto", autoOr(spec.IntBetween(0, spec.MaxWorkers))), "auto", "workers more than there should be while they are replaced; auto: 1 with `listen` or node cluster, or with `max_unavailable: 0`, else 0"},
			{"max_unavailable", text("number or auto", autoOr(spec.IntBetween(0, spec.MaxWorkers))), "auto", "workers fewer; auto: 0, or 1 where `max_surge` is 0"},
			{"signal", text("signal", spec.ParseReloadSignal), "", "sent instead of replacing: for programs that reload themselves"},
		}}, "", "how workers are replaced"},
		{"stop", mapping{name: "stop", foreign: foreignStop(), keys: []key{
			{"drain", duration(), "30s", "no new connections, finish the old; only with `listen` or node cluster"},
			{"signal", text("signal", spec.ParseStopSignal), "SIGTERM", "asks it to end"},
			{"target", enum("process", "tree"), "process", "who gets the signal; SIGKILL always takes the tree"},
			{"timeout", duration(), "10s", "then SIGKILL; never more than is left of shutdown.timeout"},
		}}, "", "the one way out: stop, restart, reload, scale, shutdown"},
		{"watch", either{scalar: boolean(), mapping: mapping{name: "watch", keys: []key{
			{"paths", list{of: text("path or pattern", spec.ParseWatchPattern)}, "", "files, folders with all in them, patterns (`src/**/*.py`); absent: the files that it has loaded where command: is `node`, else working_dir"},
			{"ignore", list{of: text("pattern", spec.ParseWatchPattern)}, "[node_modules, .git]", "what is not, as .gitignore has it; replaces the default"},
			{"delay", duration(), "200ms", "of quiet before it acts"},
			{"action", enum("reload", "restart"), "reload", "reload: one worker after another; restart: all at once"},
		}}}, "false", "files whose change replaces it; true: with the defaults"},
		{"hooks", mapping{name: "hooks", keys: []key{
			{"before_start", words{}, "", "a command before each start; status 0: start, 125: never again, else a failed start"},
			{"after_exit", words{}, "", "a command after each exit, with GOINIT_EXIT_CODE, _SIGNAL, _STATUS and _REASON; status 125: never again"},
			{"timeout", duration(), "30s", "of one hook"},
		}}, "{}", "commands around a worker's life, run in its place"},
	}
}

func resourceKeys() []key {
	limits := []key{
		{"memory", size(), "", "memory.max"},
		{"memory_high", size(), "", "memory.high"},
		{"memory_low", size(), "", "memory.low"},
		{"swap", size(), "", "memory.swap.max"},
		{"cpus", text("number of CPUs", spec.ParseCPUs), "", "cpu.max"},
		{"cpu_weight", integer(1, 10000), "", "cpu.weight"},
		{"cpuset", text("list of CPUs", spec.ParseCPUSet), "", "cpuset.cpus"},
		{"pids", integer(1, 1<<22), "", "pids.max"},
		{"io", mapping{name: "io", keys: []key{
			{"weight", integer(1, 10000), "", "io.weight"},
			{"limits", list{of: mapping{name: "limit", keys: []key{
				{"device", anyText("path"), "", "the block device"},
				{"read_bps", size(), "", "a second"},
				{"write_bps", size(), "", "a second"},
				{"read_iops", integer(1, 1<<31-1), "", "a second"},
				{"write_iops", integer(1, 1<<31-1), "", "a second"},
			}}}, "", "io.max"},
		}}, "{}", "block devices"},
		{"hugetlb", table{keys: "page size", check: check(spec.ParseSize), of: size()}, "{}", "hugetlb.*.max"},
		{"oci", freeform{"OCI LinuxResources"}, "{}", "merged last"},
	}
	each := append(limits[:len(limits):len(limits)],
		key{"total", mapping{name: "total", keys: limits}, "", "all workers of the app together; the same keys"},
		key{"required", boolean(), "true", "false: warn where a limit cannot be set"})
	return []key{
		{"resources", mapping{name: "resources", foreign: foreignResources(), keys: each}, "", "limits of each worker; absent: none"},
		{"logs", mapping{name: "logs", keys: []key{
			{"console", enum("auto", "prefix", "json", "raw", "inherit", "off"), "auto", "auto: raw if one worker in all, else prefix"},
			{"max_size", sizeOf(spec.ParseLogSize), "8MiB", "one file; a line that is longer has one of its own"},
			{"max_files", integer(1, spec.MaxLogFiles), "4", "of that size"},
			{"max_age", duration(), "7d", "of a file's last line; 0s: for ever"},
			{"when_full", enum("block", "drop"), "block", "block: the worker waits while the store makes progress, a full or broken disk never blocks; drop: the oldest lines go, counted"},
			{"rate_limit", integer(1, 1<<31-1), "", "lines a second that are kept and shown, the rest is counted; absent: no limit"},
		}}, "", "where its output goes"},
	}
}
