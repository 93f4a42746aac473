package control

import "time"

// Limits bound what clients may cost.
type Limits struct {
	Clients        int           // at the same time; beyond, who is idle longest has to go
	Reserve        int           // more of them, for root and goinit's own user
	Frame          int           // bytes of a request
	BigFrame       int           // of one with a spec in it: from those who may write, and one at a time
	RequestTimeout time.Duration // from a request's first byte to its last
	AnswerTimeout  time.Duration // for a client to take an answer, or the next part of a long one
	StreamTimeout  time.Duration // or of a stream, which a person may be reading page by page
	HalfClosed     time.Duration // for an answer to a client that has closed its sending half: it can't be seen to leave
}

// DefaultLimits keep the worst case near 9 MB: 72 clients with a full request each, and one spec.
func DefaultLimits() Limits {
	return Limits{
		Clients: 64, Reserve: 8,
		Frame: 64 << 10, BigFrame: 4 << 20,
		RequestTimeout: 10 * time.Second, AnswerTimeout: 30 * time.Second, StreamTimeout: 10 * time.Minute,
		HalfClosed: time.Minute,
	}
}
