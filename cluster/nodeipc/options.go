package nodeipc

import (
	"time"

	"goinit/cluster"
)

// Options are of one process.
type Options struct {
	// ID is NODE_UNIQUE_ID, cluster.worker.id: unique among all workers of this goinit, and never used again. 0: the process is
	// none of a cluster but an ordinary child with a channel; it binds what it listens on by itself.
	ID int
	// Slot is whose sockets it gets.
	Slot int
	// Balance is its app's. nil with ID 0.
	Balance *Balance
	// Mode is how connections come to it.
	Mode cluster.Mode
	// Listening are the addresses of the sockets that the process has from descriptor 3 on (LISTEN_FDS), for those who call
	// listen({fd: 3}): Node asks the primary for it.
	Listening []cluster.Address
	// Handed are sockets that the process is sent as messages, as a primary of Node's does with worker.send('server', server).
	Handed []Handed
	// UID and GID are who it is: files of unix sockets that it wants are made as that one. 0: as goinit.
	UID, GID int
	// Preload is the path of a file that WritePreload has written; empty: there is to be none.
	Preload string
	// ReadyOnMessage: it is ready when it says process.send('ready'), not when it listens.
	ReadyOnMessage bool
	// ReadyElsewhere: others find out whether it is ready. What is told of it then is but whether it may be: NotReady, before it
	// runs, where the worker that it is to replace listens; and Ready, when it does too or need not any more.
	ReadyElsewhere bool
	// QuietTime is for programs that may serve nothing, such as consumers of a queue: one that has come up and has not listened
	// for so long is ready, if no worker of its app has ever listened. 0: only who listens is.
	QuietTime time.Duration
	// HangTime is how long it may take to acknowledge a connection; its event loop stands still as long. 0: DefaultHangTime.
	HangTime time.Duration
	// Loads is given the lines in which Node tells which files it has loaded, if it is asked to (package watch reads them);
	// nil: nobody wants to know. It is called as Told is, and the line is the Worker's again afterwards.
	Loads func(line []byte)
	// Told is called with the Hub locked: it must not block, nor call back.
	Told func(Event)
}

// Handed is a listening socket to be sent with a message.
type Handed struct {
	Message string
	FD      int // stays the caller's, and open while there is the Worker
}
