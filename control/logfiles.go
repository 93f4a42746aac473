package control

import "goinit/logs/segment"

// LogFilesRequest asks for the segments of logs, as descriptors: for clients who may not open them, and for those in memory.
type LogFilesRequest struct {
	Apps   []string `json:"apps,omitempty"` // none: all that have a log, also those that are gone
	Follow bool     `json:"follow,omitempty"`
	// Waiting asks for what cannot be written now, and only that: a copy of it for each app that has any, which looks like a
	// segment.
	Waiting bool `json:"waiting,omitempty"`
}

// LogFile is a segment; see package segment for what is in it. With it come two descriptors, for reading only: of its .log, or
// its .log.zst, and of its .idx. The last answer of all has none, and no app.
type LogFile struct {
	App        string `json:"app,omitempty"`
	Number     int    `json:"number,omitempty"`
	Open       bool   `json:"open,omitempty"`       // it may still grow
	Compressed bool   `json:"compressed,omitempty"` // zstd
}

func logFiles(c *call, r LogFilesRequest) error {
	for _, app := range r.Apps {
		if !segment.ValidApp(app) {
			return noTarget(app, "%q is no app's name", clip(app))
		}
	}
	err := c.server.supervisor.LogFiles(c.ctx, r, func(f LogFile, data, index int) error {
		return c.sendFiles(f, true, []int{data, index})
	})
	if err != nil {
		return err
	}
	return c.reply(LogFile{})
}
