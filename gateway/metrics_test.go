package gateway_test

import (
	"compress/gzip"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"goinit/control"
	"goinit/control/controltest"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// counted is a goinit with something to count.
func counted() *controltest.Fake {
	f := controltest.New()
	f.InGroups()
	s := *f.Snapshot()
	s.Info.PID = os.Getpid() // whose use of memory can be read
	f.Set(&s)
	f.Counted = map[string]control.Metrics{"web": {
		Exits:     []control.ExitCount{{Reason: "exited", Count: 3}, {Reason: "oom-killed", Count: 1}},
		Readiness: &control.ProbeCount{Successes: 8, Failures: 2, Seconds: 0.5}, Liveness: &control.ProbeCount{Successes: 4, Seconds: 0.25},
		Reloads: &control.ReloadCount{Finished: 2, Failed: 1, Seconds: 12.5, LastSeconds: 2.5},
		Log:     &control.LogCount{Bytes: 4096, Lines: 100, Lost: 1, Limited: 2, Hidden: 3},
	}}
	return f
}

// samples are the lines that matter, in their order.
func samples(text, prefix string) (all []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			all = append(all, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	address, _, _ := serve(t, counted())
	answer, text := ask(t, "GET", address, "/metrics")
	if got := answer.Header.Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8; escaping=underscores" {
		t.Errorf("Content-Type: %s", got)
	}
	for _, want := range []string{
		`goinit_build_info{version="0.0.0"} 1`, `goinit_phase{phase="running"} 1`, `goinit_phase{phase="booting"} 0`, `goinit_cgroups_usable 1`,
		`goinit_app_workers{app="web",state="running"} 1`, `goinit_app_workers{app="web",state="backoff"} 1`, `goinit_app_workers{app="web",state="failed"} 0`,
		`goinit_app_workers{app="migrate",state="waiting"} 1`,
		`goinit_app_exits_total{app="web",reason="exited"} 3`, `goinit_app_exits_total{app="web",reason="oom-killed"} 1`,
		`goinit_app_probes_total{app="web",probe="readiness",result="success"} 8`, `goinit_app_probes_total{app="web",probe="readiness",result="failure"} 2`,
		`goinit_app_probe_duration_seconds_sum{app="web",probe="readiness"} 0.5`, `goinit_app_probe_duration_seconds_count{app="web",probe="readiness"} 10`,
		`goinit_app_reloads_total{app="web",result="finished"} 2`, `goinit_app_reloads_total{app="web",result="failed"} 1`,
		`goinit_app_reload_duration_seconds_sum{app="web"} 12.5`, `goinit_app_last_reload_duration_seconds{app="web"} 2.5`,
		`goinit_app_log_bytes_total{app="web"} 4096`, `goinit_app_log_lines_total{app="web"} 100`,
		`goinit_app_log_lines_dropped_total{app="web",where="store"} 1`, `goinit_app_log_lines_dropped_total{app="web",where="rate_limit"} 2`,
		`goinit_app_log_lines_dropped_total{app="web",where="console"} 3`,
		`goinit_worker_state{app="web",slot="0",state="running"} 1`, `goinit_worker_ready{app="web",slot="0"} 1`, `goinit_worker_ready{app="web",slot="1"} 0`,
		`goinit_worker_restarts_total{app="web",slot="0"} 2`, `goinit_worker_oom_kills_total{app="web",slot="0"} 1`,
		`goinit_worker_memory_limit_bytes{app="web",slot="0"} 6.7108864e+07`, `goinit_worker_pids_limit{app="web",slot="0"} 100`,
		`goinit_worker_cpu_throttled_seconds_total{app="web",slot="0"} 0.5`, `goinit_worker_pressure_waiting_seconds_total{app="web",resource="memory",slot="0"} 0.25`,
	} {
		if !slices.Contains(samples(text, "goinit_"), want) {
			t.Errorf("there is no %s", want)
		}
	}
	for _, not := range []string{`goinit_worker_state{app="migrate"`, `goinit_worker_memory_bytes{app="web",slot="1"}`, `goinit_app_probes_total{app="db"`} {
		if found := samples(text, not); len(found) > 0 {
			t.Errorf("there is %v", found)
		}
	}
	for _, own := range []string{"go_goroutines ", "process_open_fds ", "goinit_resident_memory_bytes ", "goinit_cpu_seconds_total "} {
		if len(samples(text, own)) != 1 {
			t.Errorf("there is no %s", own)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// Each form can be read, holds the same families, each once and in order, each with its labels in order, and no sample is
// there twice.
func TestForms(t *testing.T) {
	address, _, _ := serve(t, counted())
	var names []string
	for _, c := range []struct{ accept, encoding, contentType string }{
		{"", "", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
		{"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3", "gzip", "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"},
		{"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "deflate, gzip;q=1.0", "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=underscores"},
		{"text/plain", "gzip;q=0, identity", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"},
	} {
		answer, body := ask(t, "GET", address, "/metrics", "Accept", c.accept, "Accept-Encoding", c.encoding)
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != c.contentType {
			t.Errorf("%q: %s, %s", c.accept, answer.Status, answer.Header.Get("Content-Type"))
			continue
		}
		var r io.Reader = strings.NewReader(body)
		zipped := strings.Contains(c.encoding, "gzip") && !strings.Contains(c.encoding, "q=0,")
		if zipped != (answer.Header.Get("Content-Encoding") == "gzip") {
			t.Errorf("%q: Content-Encoding %q", c.encoding, answer.Header.Get("Content-Encoding"))
		}
		if zipped {
			z, err := gzip.NewReader(r)
			if err != nil {
				t.Fatal(err)
			}
			r = z
		}
		if strings.HasPrefix(c.contentType, "application/openmetrics") {
			text, err := io.ReadAll(r)
			if err != nil || !strings.HasSuffix(string(text), "\n# EOF\n") {
				t.Errorf("the end of OpenMetrics: %v", err)
			}
			continue
		}
		var got []string
		for d := expfmt.NewDecoder(r, expfmt.ResponseFormat(answer.Header)); ; {
			var family dto.MetricFamily
			if err := d.Decode(&family); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%q: %v", c.accept, err)
			}
			got = append(got, family.GetName())
			wellFormed(t, &family)
		}
		slices.Sort(got) // the reader of text has them in no order
		if len(slices.Compact(slices.Clone(got))) != len(got) || len(got) < 30 {
			t.Errorf("%q: %d families: %v", c.accept, len(got), got)
		}
		if names != nil && !slices.Equal(got, names) {
			t.Errorf("%q: %v\nand before %v", c.accept, got, names)
		}
		names = got
	}
}

func wellFormed(t *testing.T, f *dto.MetricFamily) {
	t.Helper()
	if f.GetHelp() == "" || !model.LegacyValidation.IsValidMetricName(f.GetName()) {
		t.Errorf("%q: %q", f.GetName(), f.GetHelp())
	}
	seen := map[string]bool{}
	for _, m := range f.Metric {
		key := ""
		for i, l := range m.Label {
			key += l.String()
			if i > 0 && m.Label[i-1].GetName() >= l.GetName() {
				t.Errorf("%s: labels %v", f.GetName(), m.Label)
			}
		}
		if seen[key] {
			t.Errorf("%s: twice: %s", f.GetName(), key)
		}
		seen[key] = true
	}
}

// Within a second all have what one has asked for: goinit reads what the two workers with a process use once for all of them.
func TestScrapesAreShared(t *testing.T) {
	f := counted()
	address, _, _ := serve(t, f)
	_, last := ask(t, "GET", address, "/metrics")
	for scrapes := 1; ; {
		_, next := ask(t, "GET", address, "/metrics")
		if next != last { // the second is over
			scrapes, last = scrapes+1, next
			continue
		}
		f.Lock()
		defer f.Unlock()
		if f.Reads != 2*scrapes {
			t.Errorf("%d scrapes, %d readings", scrapes, f.Reads)
		}
		return
	}
}

// The table in docs/gateway.md has every metric with its labels, and no other.
func TestMetricsAreDocumented(t *testing.T) {
	address, _, _ := serve(t, counted())
	_, text := ask(t, "GET", address, "/metrics", "Accept", "text/plain")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(goinit_[a-z_]+)` \\| (.*?) \\|").FindAllStringSubmatch(string(page), -1) {
		var names []string
		for _, name := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(row[2], -1) {
			names = append(names, name[1])
		}
		slices.Sort(names)
		told[row[1]] = strings.Join(names, " ")
	}
	for name, family := range families {
		if !strings.HasPrefix(name, "goinit_") {
			continue
		}
		var names []string
		for _, l := range family.Metric[0].Label {
			names = append(names, l.GetName())
		}
		labels, known := told[name]
		if !known || labels != strings.Join(names, " ") {
			t.Errorf("%s{%s} is told as %q", name, strings.Join(names, " "), labels)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("%s is told, and there is none", name)
	}
}
