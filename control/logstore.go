package control

import "context"

// LogKeeper is what the server wants of whoever keeps the logs. Its methods touch files; where a disk does not answer they
// return when the context ends.
type LogKeeper interface {
	// LogStore says what is kept, after it has written what was pending. directory is a descriptor of the directory, for the
	// caller to close, or -1: it was not asked for, or there is none.
	LogStore(ctx context.Context, wantDirectory bool) (s LogStoreReply, directory int, err error)
	// LogFiles hands over the segments, the oldest of an app first, and with Follow each that is begun later, until the context
	// ends. The descriptors are the callee's, and valid during the call of send.
	LogFiles(ctx context.Context, q LogFilesRequest, send func(f LogFile, data, index int) error) error
	// Vacuum removes what is asked for.
	Vacuum(context.Context, LogVacuumRequest) (LogVacuumReply, error)
}

// LogStoreRequest asks what is kept, and where.
type LogStoreRequest struct {
	Descriptor bool `json:"descriptor,omitempty"` // of the directory, to come with the answer
}

// LogStoreReply is what is kept. What was written before the question is in the files, with its records. The descriptor, if
// there is one, comes with it as SCM_RIGHTS.
type LogStoreReply struct {
	Place     string    `json:"place"`               // disk, memory, off
	Directory string    `json:"directory,omitempty"` // as goinit sees it
	Why       string    `json:"why,omitempty"`       // why there is no directory
	Bytes     int64     `json:"bytes"`
	MaxTotal  int64     `json:"max_total"`
	Lost      uint64    `json:"lost"`              // lines since the start, each gap has a note in its log
	Waiting   int64     `json:"waiting,omitempty"` // bytes in memory that cannot be written now; LogFiles has them
	Stuck     bool      `json:"stuck,omitempty"`   // the disk does not answer: bytes and apps are not known, what was written last may be in memory only
	Apps      []LogSize `json:"apps"`
}

// LogSize is what is kept of an app.
type LogSize struct {
	App      string `json:"app"`
	Bytes    int64  `json:"bytes"`
	Segments int    `json:"segments"`
	Lost     uint64 `json:"lost"`
}

func logStore(c *call, r LogStoreRequest) error {
	s, directory, err := c.server.supervisor.LogStore(c.ctx, r.Descriptor)
	if err != nil {
		return err
	}
	var files []int
	if directory >= 0 {
		files = []int{directory}
		defer closeFiles(files)
	}
	return c.sendFiles(s, false, files)
}
