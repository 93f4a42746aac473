package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"goinit/control"
)

// probe is one of the pages that a kubelet asks for.
type probe struct {
	path, check string
}

var probes = []probe{{"livez", "live"}, {"readyz", "ready"}, {"startupz", "startup"}}

// probe answers 200 or 503, in the words of Kubernetes' own /readyz.
func (g *Gateway) probe(w http.ResponseWriter, r *http.Request, p probe, app string) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, "cannot read the question: "+err.Error())
		return
	}
	if app != "" {
		query["app"] = []string{app}
	}
	ctx, cancel := context.WithTimeout(r.Context(), g.patience)
	defer cancel()
	reply, err := g.health[p.check].get(ctx)
	if err != nil {
		plain(w, http.StatusServiceUnavailable, "[-]goinit failed: "+err.Error()+"\n"+p.path+" check failed\n")
		return
	}
	status, text := p.judge(reply, query)
	plain(w, status, text)
}

// judge picks the apps that a question is about, and says how they are: at length when one is not well, or when it is asked to.
func (p probe) judge(reply control.HealthReply, query url.Values) (status int, text string) {
	named, excluded := query["app"], query["exclude"]
	_, verbose := query["verbose"]
	if len(named) > 0 {
		for _, name := range named {
			if !slices.ContainsFunc(reply.Apps, func(h control.AppHealth) bool { return h.App == name }) {
				return http.StatusNotFound, fmt.Sprintf("there is no app %q\n", name)
			}
		}
	}
	var b strings.Builder
	well, known := true, map[string]bool{}
	for _, h := range reply.Apps {
		known[h.App] = true
		switch {
		case len(named) > 0 && !slices.Contains(named, h.App), len(named) == 0 && h.Aside:
		case slices.Contains(excluded, h.App):
			fmt.Fprintf(&b, "[+]%s excluded: ok\n", h.App)
		case h.Healthy:
			fmt.Fprintf(&b, "[+]%s ok\n", h.App)
		default:
			well = false
			fmt.Fprintf(&b, "[-]%s failed: %s\n", h.App, h.Reason)
		}
	}
	for _, name := range excluded {
		if !known[name] {
			fmt.Fprintf(&b, "warn: some health checks cannot be excluded: no matches for %q\n", name)
		}
	}
	switch {
	case !well:
		return http.StatusServiceUnavailable, b.String() + p.path + " check failed\n"
	case verbose:
		return http.StatusOK, b.String() + p.path + " check passed\n"
	}
	return http.StatusOK, "ok"
}
