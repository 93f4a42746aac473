package control

// route is one method: who may call it, what its calls are like, and what answers.
type route struct {
	method string
	access access
	kind
	handle func(*call) error
}

// kind is what a call may do beyond a short question.
type kind struct {
	waits  bool // it lasts: its peer is watched
	lists  bool // it lasts only with more
	stream bool // it answers more than once
	big    bool // there is a spec in its request
	files  bool // it takes descriptors
}

// routes are all methods.
func routes() []route {
	quick := kind{}
	waits := kind{waits: true}
	list := kind{lists: true}
	stream := kind{waits: true, stream: true}
	spec := kind{waits: true, big: true}
	program := kind{waits: true, files: true}
	return []route{
		{"org.varlink.service.GetInfo", read, quick, handle(getInfo)},
		{"org.varlink.service.GetInterfaceDescription", read, quick, handle(getInterfaceDescription)},

		{"io.goinit.Ps", read, list, takes(ps)},
		{"io.goinit.Stats", read, list, takes(stats)},
		{"io.goinit.Describe", read, quick, takes(describe)},
		{"io.goinit.Metrics", observe, quick, takes(metrics)},
		{"io.goinit.Info", observe, quick, handle(info)},
		{"io.goinit.Health", observe, quick, handle(health)},
		{"io.goinit.Config", read, quick, handle(config)},
		{"io.goinit.Wait", read, waits, takes(wait)},
		{"io.goinit.Logs", read, stream, takes(logs)},
		{"io.goinit.LogStore", read, waits, takes(logStore)},
		{"io.goinit.LogFiles", read, stream, takes(logFiles)},
		{"io.goinit.Events", read, stream, takes(events)},

		{"io.goinit.Start", write, waits, handle(start)},
		{"io.goinit.Stop", write, waits, handle(stop)},
		{"io.goinit.Restart", write, waits, handle(restart)},
		{"io.goinit.Reload", write, waits, handle(reload)},
		{"io.goinit.Pause", write, waits, handle(pause)},
		{"io.goinit.Resume", write, waits, handle(resume)},
		{"io.goinit.Signal", write, waits, handle(signal)},
		{"io.goinit.Scale", write, waits, handle(scale)},
		{"io.goinit.Update", write, waits, handle(updateLimits)},
		{"io.goinit.Apply", write, spec, handle(apply)},
		{"io.goinit.Add", write, spec, handle(add)},
		{"io.goinit.Rm", write, waits, handle(rm)},
		{"io.goinit.Save", write, waits, handle(save)},
		{"io.goinit.Exec", write, program, handle(execute)},
		{"io.goinit.LogVacuum", write, waits, handle(logVacuum)},
		{"io.goinit.Shutdown", write, quick, handle(shutdown)},
	}
}
