package compile

// Words of other tools, with what they are here. What is not here is told too, so that nobody looks for it.

func foreignRoot() map[string]string {
	return map[string]string{
		"services": "compose's services are apps here", "processes": "process-compose's processes are apps here",
		"programs": "supervisord's programs are apps here", "program": "supervisord's programs are apps here",
		"volumes": "goinit mounts nothing: that is the container's", "networks": "goinit has no networks: they are the container's",
		"secrets": "a secret is environment: {NAME: {file: PATH}} of an app", "configs": "goinit mounts nothing: that is the container's",
		"log_level": "write messages: {level: …}", "apiVersion": "this is no Kubernetes manifest: apps: {NAME: {command: …}}",
		"kind": "this is no Kubernetes manifest: apps: {NAME: {command: …}}", "spec": "this is no Kubernetes manifest: apps: {NAME: {command: …}}",
		"deploy": "goinit deploys nothing", "supervisord": "supervisord's settings are shutdown:, control:, messages: here",
		"unix_http_server": "write control: {socket: PATH}", "stop_timeout": "write shutdown: {timeout: 28s}",
		"environment": "it belongs to an app, or to all under defaults:", "compiled": "this spec is compiled already, PID 1 reads it as it is",
	}
}

func foreignApp() map[string]string {
	return map[string]string{
		// PM2
		"script": "PM2's script is command here: command: node server.js", "cwd": "PM2's cwd is working_dir here",
		"args": "arguments stand in the command: command: [node, server.js, --port, 8080]", "interpreter": "the interpreter stands in the command: command: node server.js",
		"interpreter_args": "they stand in the command: command: node --inspect server.js", "node_args": "they stand in the command: command: node --inspect server.js",
		"exec_mode": "PM2's exec_mode is node: cluster or workers: here", "instances": "PM2's instances is workers here: N or auto",
		"instance_var": "a worker has its number in GOINIT_SLOT", "increment_var": "PM2's increment_var is increment here: {PORT: 8080}",
		"port": "write environment: {PORT: …}", "env": "PM2's env is environment here", "filter_env": "write inherit_environment: false",
		"namespace": "PM2's namespace is tags here", "uid": "write user: uid:gid", "gid": "write user: uid:gid",
		"autostart": "autostart is enabled here", "autorestart": `autorestart: false is restart: "no" here`,
		"stop_exit_codes": "write restart: {policy: on-failure, success_codes: […]}", "min_uptime": "PM2's min_uptime is restart: {reset_after: 10s} here",
		"restart_delay": "write restart: {delay: …}", "exp_backoff_restart_delay": "restarts back off by themselves: restart: {delay: 100ms, max_delay: 30s}",
		"max_memory_restart": "PM2's max_memory_restart is recycle: {memory: …} here", "cron_restart": "PM2's cron_restart is recycle: {schedule: …} here",
		"cron": "write schedule:", "kill_timeout": "PM2's kill_timeout is stop: {timeout: 10s} here", "kill_signal": "write stop: {signal: SIGTERM}",
		"listen_timeout": "PM2's listen_timeout is readiness: {start_timeout: 60s} here", "wait_ready": "PM2's wait_ready is readiness: {node: true} here",
		"treekill": "SIGKILL always takes the tree; for the stop signal too: stop: {target: tree}", "ignore_watch": "write watch: {ignore: […]}",
		"watch_delay": "write watch: {delay: 200ms}", "out_file": "output goes to the log store: logs:", "error_file": "output goes to the log store: logs:",
		"log_file": "output goes to the log store: logs:", "merge_logs": "an app's workers share their logs already", "log_type": "write logs: {console: json}",
		"log_date_format": "goinit knows when a line came: ctl logs -t", "time": "goinit knows when a line came: ctl logs -t",
		"pid_file": "goinit needs no pid files: ctl ps", "shutdown_with_message": "write stop: {signal: …}", "name": "an app's name is its key under apps:",
		"post_update": "goinit deploys nothing", "max_restarts": "it belongs under restart:",
		// supervisord
		"directory": "supervisord's directory is working_dir here", "numprocs": "supervisord's numprocs is workers here", "process_name": "a worker's name is APP/SLOT",
		"startsecs": "supervisord's startsecs is restart: {reset_after: 10s} here", "startretries": "supervisord's startretries is restart: {max_restarts: N} here",
		"exitcodes": "supervisord's exitcodes is restart: {success_codes: [0]} here", "stopsignal": "write stop: {signal: SIGTERM}",
		"stopwaitsecs": "write stop: {timeout: 10s}", "stopasgroup": "write stop: {target: tree}", "killasgroup": "SIGKILL always takes the tree",
		"priority": "order is by need here: depends_on:", "redirect_stderr": "both streams go to the log, each line knows which",
		"stdout_logfile": "output goes to the console and the log store: logs:", "stderr_logfile": "output goes to the console and the log store: logs:",
		"stdout_logfile_maxbytes": "write logs: {max_size: 8MiB}", "stdout_logfile_backups": "write logs: {max_files: 4}", "serverurl": "goinit has no such thing",
		// compose
		"entrypoint": "compose's entrypoint and command are one command here", "image": "goinit runs programs, not images: command:",
		"build": "goinit builds nothing: command:", "container_name": "an app's name is its key under apps:", "healthcheck": "compose's healthcheck is readiness: or liveness: here",
		"deploy": "compose's deploy is workers:, resources: and reload: here", "replicas": "replicas is workers here", "scale": "scale is workers here",
		"links": "apps share one network: depends_on: for the order", "ports": "ports are published by the container: listen: opens one", "expose": "ports are published by the container: listen: opens one",
		"volumes": "goinit mounts nothing: that is the container's", "networks": "goinit has no networks: they are the container's",
		"secrets": "write environment: {NAME: {file: /run/secrets/…}}", "stop_signal": "compose's stop_signal is stop: {signal: SIGTERM} here",
		"stop_grace_period": "compose's stop_grace_period is stop: {timeout: 10s} here", "cap_add": "write capabilities: {add: […]}", "cap_drop": "write capabilities: {drop: […]}",
		"security_opt": "write no_new_privileges: true", "mem_limit": "write resources: {memory: 256MiB}", "cpus": "write resources: {cpus: 0.5}",
		"memory": "write resources: {memory: 256MiB}", "pids_limit": "write resources: {pids: 100}", "mem_reservation": "write resources: {memory_low: …}",
		"logging": "compose's logging is logs: here", "profiles": "compose's profiles are tags: and enabled: here", "init": "goinit is the init",
		"tty": "workers have no terminal: ctl exec has", "stdin_open": "a worker's stdin is /dev/null", "labels": "labels are tags here", "extends": "write an anchor, or defaults:",
		// Kubernetes
		"livenessProbe": "Kubernetes' livenessProbe is liveness here", "readinessProbe": "Kubernetes' readinessProbe is readiness here",
		"startupProbe": "Kubernetes' startupProbe is readiness: {start_timeout: 60s} here", "workingDir": "Kubernetes' workingDir is working_dir here",
		"envFrom": "Kubernetes' envFrom is env_file here", "restartPolicy": "Kubernetes' restartPolicy is restart here", "lifecycle": "Kubernetes' lifecycle is hooks: and stop: here",
		"terminationGracePeriodSeconds": "write stop: {timeout: 10s}, or shutdown: {timeout: 28s} for all", "securityContext": "write user:, capabilities:, no_new_privileges:",
		"containers": "Kubernetes' containers are apps here", "initContainers": `an app that ends: restart: "no", and depends_on: {NAME: completed}`,
		// systemd
		"ExecStart": "systemd's ExecStart is command here", "ExecStartPre": "systemd's ExecStartPre is hooks: {before_start: …} here", "ExecReload": "write reload: {signal: SIGHUP}",
		"ExecStop": "write stop: {signal: …}", "WorkingDirectory": "systemd's WorkingDirectory is working_dir here", "Environment": "systemd's Environment is environment here",
		"EnvironmentFile": "systemd's EnvironmentFile is env_file here", "User": "systemd's User is user here", "Group": "write user: uid:gid", "Restart": "systemd's Restart is restart here",
		"RestartSec": "write restart: {delay: …}", "TimeoutStopSec": "write stop: {timeout: 10s}", "KillSignal": "write stop: {signal: SIGTERM}", "KillMode": "write stop: {target: tree}",
		"After": "systemd's After is depends_on here", "Requires": "systemd's Requires is depends_on here", "Wants": "write depends_on: {NAME: {required: false}}",
		"WatchdogSec": "write liveness: {heartbeat: 30s}", "LimitNOFILE": "write ulimits: {nofile: N}", "MemoryMax": "write resources: {memory: 256MiB}", "Type": "Type=notify is readiness: {notify: true} here",
		// others
		"cmd": "cmd is command here", "exec": "write command:", "group": "write user: uid:gid, or group_add:", "dir": "dir is working_dir here", "processes": "processes is workers here",
		"requires": "requires is depends_on here", "after": "after is depends_on here", "availability": "process-compose's availability is restart: here",
		"readiness_probe": "process-compose's readiness_probe is readiness here", "liveness_probe": "process-compose's liveness_probe is liveness here",
		"is_daemon": "a program that goes into the background is not supervised: run it in the foreground", "disabled": "disabled: true is enabled: false here",
		"override": "goinit has no layers: defaults: and anchors", "startup": "startup: disabled is enabled: false here",
	}
}

func foreignProbe() map[string]string {
	return map[string]string{
		"httpGet": "Kubernetes' httpGet is http: URL here", "http_get": "http_get is http: URL here", "tcpSocket": "Kubernetes' tcpSocket is tcp: ADDRESS here", "test": "compose's test is exec: [CMD] here",
		"interval": "compose's interval is period here", "retries": "compose's retries is failure_threshold here", "start_period": "compose's start_period is start_timeout or initial_delay here",
		"periodSeconds": "write period: 10s", "timeoutSeconds": "write timeout: 3s", "failureThreshold": "write failure_threshold: 3", "successThreshold": "write success_threshold: 1",
		"initialDelaySeconds": "write initial_delay: 0s",
	}
}

func foreignRestart() map[string]string {
	return map[string]string{
		"condition": "compose's condition is policy here", "max_attempts": "compose's max_attempts is max_restarts here", "backoff": "backoff is delay and max_delay here",
		"retries": "retries is max_restarts here", "max_retries": "max_retries is max_restarts here", "interval": "interval is window here",
	}
}

func foreignStop() map[string]string {
	return map[string]string{"grace": "grace is timeout here", "grace_period": "grace_period is timeout here", "kill_timeout": "kill_timeout is timeout here"}
}

func foreignResources() map[string]string {
	return map[string]string{
		"limits": "limits stand in resources: itself: resources: {memory: 256MiB}", "requests": "a request is memory_low or cpu_weight here", "reservations": "a reservation is memory_low or cpu_weight here",
		"cpu": "cpu is cpus here", "mem": "mem is memory here",
	}
}

func foreignPolicies() map[string]string {
	return map[string]string{
		"unless-stopped": "always: what was stopped by hand stays stopped", "never": `"no"`, "Never": `"no"`, "false": `"no"`, "none": `"no"`, "true": "always", "yes": "always",
		"Always": "always", "OnFailure": "on-failure", "on_failure": "on-failure", "unexpected": "on-failure", "exit_on_failure": `"no", and on_failure: shutdown`, "any": "always",
	}
}

func foreignConditions() map[string]string {
	return map[string]string{
		"service_started": "started", "service_healthy": "ready", "service_completed_successfully": "completed", "process_started": "started", "process_healthy": "ready",
		"process_completed": "completed", "process_completed_successfully": "completed", "healthy": "ready", "running": "started", "exited": "completed",
	}
}

func foreignBalance() map[string]string {
	return map[string]string{
		"rr": "round-robin", "roundrobin": "round-robin", "round_robin": "round-robin", "least_conn": "round-robin, which picks the worker with the least in hand", "random": "reuseport",
		"reuse_port": "reuseport", "so_reuseport": "reuseport", "SO_REUSEPORT": "reuseport", "none": "shared", "single": "shared",
	}
}

func foreignNode() map[string]string {
	return map[string]string{
		"true": "cluster, ipc or auto", "false": "off", "none": "off", "fork": "ipc, which is PM2's fork mode with its channel, or off", "fork_mode": "ipc, which is PM2's fork mode with its channel, or off",
		"cluster_mode": "cluster",
	}
}
