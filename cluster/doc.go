// Package cluster has listening sockets that outlive the workers who serve from them, and the balance over them. It knows
// nothing of apps or of specs: it takes addresses and numbers of slots, and gives descriptors. A Pool is all sockets of one
// app.
//
// A socket is opened once and stays until its Pool forgets it: a worker gets a copy of the descriptor, so its death, its
// replacement and its absence close nothing, and what waits in the queue of the socket waits for whoever comes next.
// In mode ReusePort each slot has a socket of its own, all of one SO_REUSEPORT group (socket(7)): the kernel spreads the
// connections, PID 1 has no work with them, and a slot's queue is its own. In the other modes there is one socket for all.
//
// Three sentences hold it together:
//
//   - A socket of a slot is never closed while its Pool lives: the kernel would reset what waits in it.
//   - New connections go to the slots that Steer names, by a program of the kernel's (steer.go), and nowhere else while
//     there is one of them.
//   - What is in the queue of a slot that has nobody any more (Retire) is passed on to the others (relay.go).
//
// Nothing here blocks or makes a thread: sockets are raw system calls, since package net brings a resolver and more into
// PID 1, and waiting is package epoll's.
package cluster

import "goinit/cluster/address"

// What an address is, package address says.
type (
	Address = address.Address
	Network = address.Network
)

// The networks.
const (
	TCP  = address.TCP
	Unix = address.Unix
	UDP  = address.UDP
)

// ParseAddress reads an address as a spec has it.
func ParseAddress(s string) (Address, error) { return address.Parse(s) }

// Mode is how connections come to the workers.
type Mode uint8

// The modes. Unix and UDP sockets are shared in ReusePort too: the former cannot be anything else, and the datagrams of one
// peer belong together.
const (
	ReusePort  Mode = iota // one socket for each slot
	Shared                 // one socket, from which all workers accept
	RoundRobin             // one socket, from which goinit accepts
)
