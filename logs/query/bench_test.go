package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"goinit/logs/segment"
)

// benchStore has 256 MB of lines of about 100 bytes in segments of 8 MiB, with the records of a busy app: one for 64 KiB.
func benchStore(b *testing.B) (*Store, int64) {
	bed := newBed(b)
	w := bed.app("web")
	const segments, chunks = 32, 128
	var total int64
	n := 0
	for s := range segments {
		if s > 0 {
			w.rotate()
		}
		for range chunks {
			var text strings.Builder
			for text.Len() < 64<<10 {
				n++
				fmt.Fprintf(&text, `10.0.%d.%d - - "GET /item/%08d HTTP/1.1" 200 %d "-" "Mozilla/5.0 (X11; Linux x86_64)" %dms`+"\n", n%256, n/7%256, n, n%9973, n%512)
			}
			w.data(text.String())
			w.record(segment.Record{Time: at(0).UnixNano() + int64(n)*1e6})
			total += int64(text.Len())
		}
	}
	return bed.store(), total
}

// perCPU reports megabytes a second of processor time, page faults and all: on a busy machine the only figure that stays.
func perCPU(b *testing.B, size int64) {
	begin := cpu(b)
	b.Cleanup(func() { b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpu(b)-begin).Seconds(), "MB/cpu-s") })
}

func cpu(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkGrep(b *testing.B) {
	store, size := benchStore(b)
	for _, expression := range []string{
		"item/00999999",         // a plain string, once
		"no such thing",         // never
		`item/0099999\d`,        // an expression with a literal in it
		`(500|503) [0-9]+ "-"$`, // without one, from here on
		`[0-9]{6}ms`,
		`(?i)ITEM/00999999`,
		`\b(timeout|refused|denied)\b`,
		`GET`, // every line
	} {
		b.Run(expression, func(b *testing.B) {
			perCPU(b, size)
			p := mustCompile(b, expression, false)
			for b.Loop() {
				for range Lines(&Query{Match: p}, store) {
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	store, size := benchStore(b)
	b.Run("lines", func(b *testing.B) {
		perCPU(b, size)
		for b.Loop() {
			for range Lines(&Query{}, store) {
			}
		}
	})
	b.Run("count", func(b *testing.B) {
		perCPU(b, size)
		for b.Loop() {
			Count(&Query{}, store)
		}
	})
	b.Run("since", func(b *testing.B) {
		q := &Query{Since: at(1000)} // about a third of it
		for b.Loop() {
			for range Lines(q, store) {
				break
			}
		}
	})
	b.Run("last 10", func(b *testing.B) {
		for b.Loop() {
			Last(&Query{}, 10, store)
		}
	})
}
