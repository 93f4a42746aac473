package health

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// BenchmarkHTTP is a probe and the server that answers it, which costs more.
func BenchmarkHTTP(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	p, err := NewHTTP(s.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if f := p.check(context.Background(), time.Now().Add(time.Minute)); f != nil {
			b.Fatal(f)
		}
	}
}
