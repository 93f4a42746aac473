package nodeipc

// Node takes at most one descriptor from each of its reads, of 64 KiB, and gives it to the next NODE_HANDLE that it has read to
// the end. If a read ends within such a line, and a second descriptor comes with the next read, it gives one client's
// connection to another. Node's own primary therefore sends nothing after a descriptor until that is acknowledged, which is
// a round trip for each connection.
//
// No read ends within a line while everything that the worker has not read yet fits into one. We do not know what it has
// read, but an acknowledgement says that it has read up to there: what was sent since is the most that can be waiting. So
// several descriptors may be under way while that is less than half of a read; what is longer waits until all are
// acknowledged, for then the next is the only one.
const maxUnread = 32 << 10

// window counts what is on its way to a worker, in bytes since the channel was opened.
type window struct {
	sent    int64     // all of it
	read    int64     // at least that much has been read
	handles []carried // not acknowledged, in the order in which they were sent
}

// carried is a line that brought a descriptor.
type carried struct {
	end int64 // where it ends
	seq int   // of the connection; 0: it was no connection
}

// allows says whether a line of that length may be sent with a descriptor.
func (w *window) allows(length int) bool {
	return len(w.handles) == 0 || w.sent+int64(length)-w.read <= maxUnread
}

// acknowledged takes off the oldest; false: there is none.
func (w *window) acknowledged() (c carried, ok bool) {
	if len(w.handles) == 0 {
		return carried{}, false
	}
	c = w.handles[0]
	w.read = c.end
	w.handles = w.handles[:copy(w.handles, w.handles[1:])]
	return c, true
}
