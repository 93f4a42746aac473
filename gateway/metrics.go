package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"goinit/control"
)

// maxScrapes is how many may be written at the same time: who reads one slowly takes no place from a kubelet.
const maxScrapes = 16

// scrape is all metrics of a moment, and what was made of them for those who asked.
type scrape struct {
	families []*dto.MetricFamily

	mu    sync.Mutex
	texts map[form]*text
}

// form is how somebody wants to have them.
type form struct {
	format expfmt.Format
	gzip   bool
}

type text struct {
	once sync.Once
	body []byte
	err  error
}

// ownRegistry has the gateway's own numbers: of its process, of its runtime, and of who asks it for what.
func ownRegistry(requests prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), requests)
	return r
}

// newRequests counts them by page and status, which are closed sets. The pages are there from the first scrape on.
func newRequests() *prometheus.CounterVec {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "goinit_gateway_requests_total", Help: "Requests to the gateway, by page and status."},
		[]string{"page", "code"})
	requests.WithLabelValues("metrics", "200")
	for _, p := range probes {
		requests.WithLabelValues(p.path, "200")
	}
	return requests
}

// ask asks goinit for everything.
func (g *Gateway) ask() (*scrape, error) {
	var info control.InfoReply
	if err := g.goinit.call("Info", nil, &info); err != nil {
		return nil, err
	}
	var reply control.MetricsReply
	if err := g.goinit.call("Metrics", nil, &reply); err != nil {
		return nil, err
	}
	own, err := g.own.Gather()
	if err != nil {
		return nil, err
	}
	all := append(own, families(&info.Info, reply.Rows, usageOf(info.Info.PID))...)
	slices.SortFunc(all, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return &scrape{families: all, texts: map[form]*text{}}, nil
}

// in is all of it in one of the formats. It is made once.
func (s *scrape) in(f form) ([]byte, error) {
	s.mu.Lock()
	t := s.texts[f]
	if t == nil {
		t = &text{}
		s.texts[f] = t
	}
	s.mu.Unlock()
	t.once.Do(func() { t.body, t.err = encode(s.families, f) })
	return t.body, t.err
}

func encode(families []*dto.MetricFamily, f form) ([]byte, error) {
	var b bytes.Buffer
	if f.gzip {
		plain, err := encode(families, form{format: f.format})
		if err != nil {
			return nil, err
		}
		z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		if err == nil {
			_, err = z.Write(plain)
		}
		if err == nil {
			err = z.Close()
		}
		return b.Bytes(), err
	}
	e := expfmt.NewEncoder(&b, f.format)
	for _, family := range families {
		if err := e.Encode(family); err != nil {
			return nil, err
		}
	}
	if c, ok := e.(expfmt.Closer); ok {
		if err := c.Close(); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// metrics answers a Prometheus, in the format that it likes best.
func (g *Gateway) metrics(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapePatience)
	defer cancel()
	select {
	case g.scrapes <- struct{}{}:
		defer func() { <-g.scrapes }()
	case <-ctx.Done():
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("%d scrapes are under way", maxScrapes))
		return
	}
	s, err := g.scrape.get(ctx)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	f := form{format: expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...), gzip: takesGzip(r.Header)}
	body, err := s.in(f)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "cannot write the metrics: "+err.Error())
		return
	}
	h := w.Header()
	h.Set("Content-Type", string(f.format))
	h.Set("Vary", "Accept, Accept-Encoding")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if f.gzip {
		h.Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body)
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3), as far as it is about gzip.
func takesGzip(h http.Header) bool {
	for _, value := range h.Values("Accept-Encoding") {
		for one := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(one, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				_, q, given := strings.Cut(weight, "=")
				n, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
				return !given || err == nil && n > 0
			}
		}
	}
	return false
}
