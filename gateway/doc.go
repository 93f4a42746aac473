// Package gateway is what goinit has to say over HTTP: /livez, /readyz and /startupz for a kubelet, /metrics for a Prometheus.
// It runs as a process of its own, goinitctl gateway, which PID 1 starts where the spec has gateway: and supervises like any
// app: without rights, on a socket that PID 1 has opened, and with one connection to PID 1 on which it can ask how everything
// is and nothing else. Package net/http is thus no part of PID 1, and who comes in through it is nobody.
//
// The invariant: what is asked of PID 1 does not grow with what is asked here. Each question to it has one answer for all who
// want it within a moment (question.go), so that a thousand requests cost PID 1 as much as one. Nothing is ever changed or
// written. What a client may cost is bounded: crowd.go says how many there are, server.go how long each may take.
//
// Package ctl calls it, and nobody else.
package gateway
