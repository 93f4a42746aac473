package nodeipc

// Event is what a worker has said of itself, or was found out about it.
type Event struct {
	Kind   Kind
	Detail string // one line for people
}

// Kind says what an Event is about.
type Kind uint8

// The kinds.
const (
	Ready     Kind = iota // it listens; with ReadyOnMessage: it said so; with ReadyElsewhere: it may be
	NotReady              // it is not yet, or may not be: it does not listen where the one that it replaces does
	Stopping              // it is about to end by itself: {act: 'suicide'}, cluster.worker.disconnect()
	Drained               // after Drain: its connections are finished, its channel is closed, and a second later it is still there
	Unhealthy             // it does not take the connections that it is given
	Hint                  // something that its user wants to know; a second line has the remedy
)
