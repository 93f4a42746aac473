package gateway

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"

	"goinit/control"
)

// thousand is what goinit answers with a thousand workers in groups of cgroup v2.
func thousand() []control.Metrics {
	began, x, n := time.Unix(1e9, 123456789).UTC(), 12.345678, uint64(123456789)
	rows := []control.Metrics{{App: "web"}}
	for slot := range 1000 {
		rows = append(rows, control.Metrics{App: "web", Slot: &slot, State: control.Running, Ready: true, Generation: 1, StartedAt: &began,
			CPUUserSeconds: &x, CPUSystemSeconds: &x, CPUThrottledSeconds: &x, CPUThrottledPeriods: &n, MemoryBytes: &n, MemoryPeakBytes: &n, MemoryLimitBytes: &n,
			MemorySwapBytes: &n, Pids: &n, PidsLimit: &n, IOReadBytes: &n, IOWrittenBytes: &n, CPUPressureSeconds: &x, MemoryPressureSeconds: &x,
			IOPressureSeconds: &x, PidsRefused: &n})
	}
	return rows
}

// What a scrape costs the gateway with a thousand workers: to read goinit's answer, to make families of it, to write them, and
// to compress that.
func BenchmarkScrape(b *testing.B) {
	rows := thousand()
	answer, err := json.Marshal(control.MetricsReply{Rows: rows})
	if err != nil {
		b.Fatal(err)
	}
	info := &control.Info{State: "running", StartedAt: time.Unix(1e9, 0)}
	all := families(info, rows, nil)
	open := expfmt.NewFormat(expfmt.TypeOpenMetrics)
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(answer)))
		for b.Loop() {
			var r control.MetricsReply
			if err := json.Unmarshal(answer, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("families", func(b *testing.B) {
		for b.Loop() {
			families(info, rows, nil)
		}
	})
	for name, f := range map[string]form{"text": {format: open}, "gzip": {format: open, gzip: true}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := encode(all, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
