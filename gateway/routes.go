package gateway

import (
	"fmt"
	"net/http"
	"strings"
)

// handler answers every request. All of it is read-only, so all methods but GET and HEAD are refused, and so is a body.
func (g *Gateway) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "GET and HEAD only: nothing can be changed here")
			return
		case r.ContentLength != 0:
			w.Header().Set("Connection", "close")
			refuse(w, http.StatusBadRequest, "a request here has no body")
			return
		}
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		for _, p := range probes {
			if name == p.path {
				g.probe(w, r, p, rest)
				return
			}
		}
		switch {
		case r.URL.Path == "/":
			plain(w, http.StatusOK, index)
		default:
			refuse(w, http.StatusNotFound, "there is no such page\n\n"+index)
		}
	})
}

const index = `goinit: what there is here
  /livez      no app has given up              for a liveness probe
  /readyz     every app can do its work        for a readiness probe
  /startupz   every app has come up once       for a startup probe
  /metrics    for Prometheus
of one app:   /readyz/APP      of some:  ?app=APP (repeatable), ?exclude=APP      with reasons:  ?verbose
`

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
