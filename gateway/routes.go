package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// handler answers every request, and counts it. All of it is read-only, so all methods but GET and HEAD are refused, and so is
// a body.
func (g *Gateway) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		page := "other"
		n := &noted{ResponseWriter: w, status: http.StatusOK}
		defer func() { g.requests.WithLabelValues(page, strconv.Itoa(n.status)).Inc() }()
		if !allowed(n, r) {
			return
		}
		for _, p := range probes {
			if name == p.path {
				page = p.path
				g.probe(n, r, p, rest)
				return
			}
		}
		switch r.URL.Path {
		case "/metrics":
			page = "metrics"
			g.metrics(n, r)
		case "/":
			page = "index"
			plain(n, http.StatusOK, index)
		default:
			refuse(n, http.StatusNotFound, "there is no such page\n\n"+index)
		}
	})
}

// allowed refuses what is no question.
func allowed(w http.ResponseWriter, r *http.Request) bool {
	h := w.Header()
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		h.Set("Connection", "close") // a body is not read
		refuse(w, http.StatusMethodNotAllowed, "GET and HEAD only: nothing can be changed here")
	case r.ContentLength != 0: // also where it is not known
		h.Set("Connection", "close")
		refuse(w, http.StatusBadRequest, "a request here has no body")
	default:
		return true
	}
	return false
}

const index = `goinit: what there is here
  /livez      no app has given up              for a liveness probe
  /readyz     every app can do its work        for a readiness probe
  /startupz   every app has come up once       for a startup probe
  /metrics    for Prometheus
of one app:   /readyz/APP      of some:  ?app=APP (repeatable), ?exclude=APP      with reasons:  ?verbose
`

// noted notes the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// plain answers with a text, of which a proxy is to keep nothing.
func plain(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func refuse(w http.ResponseWriter, status int, text string) {
	plain(w, status, strings.TrimSuffix(text, "\n")+"\n")
}
