package integration

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"goinit/integration/bed"
)

// A real Prometheus takes the metrics without a word, and promtool finds nothing to say of their names.
func TestGatewayUnderPrometheus(t *testing.T) {
	for _, program := range []string{"prometheus", "promtool"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err) // scripts/install-tools.sh has it
		}
	}
	_, address := gatewayed(t, 24, `apps:
  serve: {command: sleep 1000, workers: 3, liveness: {exec: ["true"], period: 1s}}
  hello: {shell: "echo hello; echo world", restart: "no"}
`)
	waitPage(t, address, "/readyz", 200, "ok")
	checkNames(t, address)

	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	text := "global: {scrape_interval: 3s, scrape_timeout: 3s}\nscrape_configs:\n- {job_name: goinit, static_configs: [{targets: [\"" + address + "\"]}]}\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	listen, output := ownHost(24)+":9090", bed.NewOutput()
	p := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen, "--log.format=json")
	p.Stdout, p.Stderr, p.Dir = output, output, dir
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	for query, want := range map[string]string{
		`up{job="goinit"}`: "1",
		`count(goinit_worker_ready{app="serve"} == 1)`:                                     "3",
		`goinit_app_workers{app="serve",state="running"}`:                                  "3",
		`goinit_app_exits_total{app="hello",reason="exited"}`:                              "1",
		`goinit_app_log_lines_total{app="hello"}`:                                          "2",
		`goinit_app_log_bytes_total{app="hello"}`:                                          "12",
		`min(increase(goinit_app_probes_total{app="serve",result="success"}[1m])) >bool 0`: "1",
		`scrape_samples_scraped - scrape_samples_post_metric_relabeling`:                   "0",
		`count(goinit_worker_cpu_seconds_total{app="serve"})`:                              "6",
		`goinit_phase{phase="running"}`:                                                    "1",
		`count({__name__=~"goinit_.+"}) - count({__name__=~"goinit_.+",job="goinit"})`:     "0",
		`goinit_app_probe_duration_seconds_count{app="serve",probe="liveness"} >bool 0`:    "1",
		`goinit_gateway_requests_total{page="metrics",code="200"} >bool 1`:                 "1",
	} {
		bed.Wait(t, query+" to be "+want, func() (bool, string) {
			got := valueOf(listen, query)
			return got == want, got + "\n" + output.String()
		})
	}
	for line := range strings.Lines(output.String()) {
		if l := strings.ToLower(line); strings.Contains(l, `"level":"warn"`) || strings.Contains(l, `"level":"error"`) {
			t.Errorf("Prometheus says: %s", line)
		}
	}
}

// checkNames has promtool read the metrics: names, units, help, types.
func checkNames(t *testing.T, address string) {
	t.Helper()
	status, text := page(address, "/metrics")
	c := exec.Command("promtool", "check", "metrics")
	c.Stdin = strings.NewReader(text)
	if said, err := c.CombinedOutput(); status != 200 || err != nil || len(said) > 0 {
		t.Errorf("/metrics: %d; promtool check metrics: %v\n%s", status, err, said)
	}
}

// valueOf is the value of an expression that has one; else what there is instead.
func valueOf(prometheus, query string) string {
	status, text := page(prometheus, "/api/v1/query?query="+url.QueryEscape(query))
	if status != 200 {
		return text
	}
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if json.Unmarshal([]byte(text), &answer) != nil || len(answer.Data.Result) != 1 {
		return text
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}
