// Package nodeipc is the primary of Node.js' cluster without Node: the channel that child_process.fork gives a child
// (NODE_CHANNEL_FD), and the messages of module cluster on it. Unmodified programs of Node 18 to 24 that call listen() share
// what goinit listens on. It knows nothing of apps or of specs: package init puts it together with those.
//
// A Hub is one goroutine for all channels and for all sockets that goinit accepts from; a Balance is what the workers of one
// app have in common; a Worker is one process, from before it is started until it is gone.
//
// Four sentences hold it together:
//
//   - A listening socket is the cluster.Pool's and never the worker's: nothing is refused while a worker is away.
//   - A connection is accepted only when there is a worker to take it, and is kept until that worker has said that it has
//     it: when one dies or declines, another gets the connection.
//   - What a worker sends is kept up to a bound, read up to a rate, and never waited for; nothing that it sends is ever an
//     error of ours.
//   - At most one descriptor is in a worker's channel unless everything in it fits into one read of Node's (window.go).
//
// Everything is done under the Hub's lock, by non-blocking system calls only.
package nodeipc
