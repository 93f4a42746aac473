package ctl

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestProbe: https with a certificate that nobody signed, http, and what fails.
func TestProbe(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sick" {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "the database is away")
		}
	})
	secure := httptest.NewUnstartedServer(page)
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(page)
	defer plain.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := l.Addr().String()
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{secure.URL}, 0, ""},
		{[]string{plain.URL + "/x?y"}, 0, ""},
		{[]string{secure.URL + "/sick"}, 1, "status 503\nthe database is away\n"},
		{[]string{plain.URL + "/sick"}, 1, "status 503\nthe database is away\n"},
		{[]string{"https://127.0.0.1:1/"}, 1, "connection refused\n"},
		{[]string{"--timeout", "50ms", "https://" + silent}, 1, "no TLS handshake within 50ms\n"},
		{[]string{"--timeout", "50ms", "http://" + silent}, 1, "no answer within 50ms\n"},
		{[]string{strings.Replace(plain.URL, "http:", "https:", 1)}, 1, "tls: first record does not look like a TLS handshake\n"},
		{[]string{strings.Replace(secure.URL, "https:", "http:", 1)}, 1, "status 400\nClient sent an HTTP request to an HTTPS server.\n"},
		{[]string{"https://example.com"}, 64, "goinit ctl: \"example.com\" is neither an IP address nor localhost, and goinit asks no name server\n  goinit ctl help\n"},
	} {
		var out bytes.Buffer
		w := &world{stdout: &out, stderr: &out, getenv: func(string) string { return "" }, width: 80}
		status := run(context.Background(), w, append([]string{"probe"}, c.args...), Build{})
		if status != c.status || out.String() != c.want {
			t.Errorf("probe %q: %d %q, want %d %q", c.args, status, out.String(), c.status, c.want)
		}
	}
}
