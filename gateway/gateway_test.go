package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"goinit/control"
	"goinit/control/controltest"
	"goinit/gateway"

	"golang.org/x/sys/unix"
)

// deadline tells a hang from a busy machine.
const deadline = time.Minute

// serve is a gateway before a control server, as goinit has them: connected by a pair of sockets.
func serve(t *testing.T, f *controltest.Fake) (address string, server *control.Server, lost <-chan error) {
	t.Helper()
	server = control.Serve(f, nil, control.DefaultLimits(), func(s string) { t.Log("server says:", s) })
	t.Cleanup(server.Close)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Adopt(pair[0]); err != nil {
		t.Fatal(err)
	}
	client, err := control.Adopted(pair[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended, why := make(chan error, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	g := gateway.New(client, func(err error) { why <- err })
	g.BePatient()
	go func() { ended <- g.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), server, why
}

// ask makes a request with a connection of its own.
func ask(t *testing.T, method, address, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// The apps are web, of which one of two workers is ready, db, which is, and migrate, which waits.
func TestProbes(t *testing.T) {
	address, _, _ := serve(t, controltest.New())
	const index = "\ngoinit: what there is here\n" +
		"  /livez      no app has given up              for a liveness probe\n" +
		"  /readyz     every app can do its work        for a readiness probe\n" +
		"  /startupz   every app has come up once       for a startup probe\n" +
		"  /metrics    for Prometheus\n" +
		"of one app:   /readyz/APP      of some:  ?app=APP (repeatable), ?exclude=APP      with reasons:  ?verbose\n"
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/livez", 200, "ok"},
		{"GET", "/livez?verbose", 200, "[+]web ok\n[+]db ok\n[+]migrate ok\nlivez check passed\n"},
		{"GET", "/livez/", 200, "ok"},
		{"HEAD", "/livez", 200, ""},
		{"GET", "/readyz", 503, "[+]web ok\n[+]db ok\n[-]migrate failed: waiting\nreadyz check failed\n"},
		{"GET", "/readyz?verbose=1", 503, "[+]web ok\n[+]db ok\n[-]migrate failed: waiting\nreadyz check failed\n"},
		{"HEAD", "/readyz", 503, ""},
		{"GET", "/startupz", 200, "ok"},
		{"GET", "/readyz?exclude=migrate", 200, "ok"},
		{"GET", "/readyz?exclude=migrate&verbose", 200, "[+]web ok\n[+]db ok\n[+]migrate excluded: ok\nreadyz check passed\n"},
		{"GET", "/readyz?exclude=migrate&exclude=x%0Ay&verbose", 200, "[+]web ok\n[+]db ok\n[+]migrate excluded: ok\nwarn: some health checks cannot be excluded: no matches for \"x\\ny\"\nreadyz check passed\n"},
		{"GET", "/readyz?app=web&app=db&verbose", 200, "[+]web ok\n[+]db ok\nreadyz check passed\n"},
		{"GET", "/readyz/web", 200, "ok"},
		{"GET", "/readyz/migrate", 503, "[-]migrate failed: waiting\nreadyz check failed\n"},
		{"GET", "/readyz/web?app=migrate&verbose", 200, "[+]web ok\nreadyz check passed\n"},
		{"GET", "/readyz/web/0", 404, "there is no app \"web/0\"\n"},
		{"GET", "/readyz?app=ghost", 404, "there is no app \"ghost\"\n"},
		{"GET", "/readyz?app=%zz", 400, "cannot read the question: invalid URL escape \"%zz\"\n"},
		{"GET", "/", 200, index[1:]},
		{"GET", "/healthz", 404, "there is no such page\n" + index},
		{"GET", "/metrics/x", 404, "there is no such page\n" + index},
		{"GET", "/readyzz", 404, "there is no such page\n" + index},
		{"POST", "/readyz", 405, "GET and HEAD only: nothing can be changed here\n"},
		{"DELETE", "/nowhere", 405, "GET and HEAD only: nothing can be changed here\n"},
		{"OPTIONS", "/", 405, "GET and HEAD only: nothing can be changed here\n"},
	} {
		answer, body := ask(t, c.method, address, c.path)
		if answer.StatusCode != c.status || body != c.body {
			t.Errorf("%s %s: %d %q\nwant %d %q", c.method, c.path, answer.StatusCode, body, c.status, c.body)
		}
		if h := answer.Header; h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %v", c.method, c.path, h)
		}
		if c.status == 405 && answer.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: Allow: %q", c.method, answer.Header.Get("Allow"))
		}
	}
}

// What an app has become is told within a moment, though many ask.
func TestProbesFollow(t *testing.T) {
	f := controltest.New()
	address, _, _ := serve(t, f)
	until := func(path string, status int, part string) {
		t.Helper()
		for end := time.Now().Add(deadline); ; {
			answer, body := ask(t, "GET", address, path)
			if answer.StatusCode == status && strings.Contains(body, part) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d %q", path, answer.StatusCode, body)
			}
		}
	}
	until("/readyz/db", 200, "ok")
	f.Become("db", control.Stopped)
	until("/readyz?verbose", 503, "[-]migrate failed") // nobody expects db to run
	until("/readyz/db", 503, "[-]db failed: stopped")
	f.Become("db", control.Failed)
	until("/livez", 503, "[-]db failed: failed")
	f.Become("db", control.Running)
	until("/livez", 200, "ok")
}

// A body is refused, a request that is none as well, and either ends its connection; what comes in one piece is answered.
func TestRequestsThatAreNone(t *testing.T) {
	address, _, _ := serve(t, controltest.New())
	for _, c := range []struct{ name, request, answer string }{
		{"a body", "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 400 Bad Request"},
		{"a body of any length", "GET /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"a long header", "GET /livez HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
		{"many headers", "GET /livez HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 5<<10) + "\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
		{"a long path", "GET /" + strings.Repeat("x", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
		{"no host", "GET /livez HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request: missing required Host header"},
		{"garbage", "\x16\x03\x01\x00\xa5\x01\x00\x00 \r\n\r\n", "HTTP/1.1 400 Bad Request"},
		{"HTTP/1.0", "GET /livez HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK"},
		{"HTTP/2 without a word", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(deadline))
		go fmt.Fprint(conn, c.request) // a part of it may be left when it is refused
		line, err := bufio.NewReader(conn).ReadString('\n')
		if strings.TrimSpace(line) != c.answer && !errors.Is(err, unix.ECONNRESET) { // a reset may overtake an answer to what was not read
			t.Errorf("%s: %q, %v", c.name, line, err)
		}
		conn.Close()
	}
	if answer, _ := ask(t, "GET", address, "/livez"); answer.StatusCode != 200 {
		t.Errorf("afterwards: %s", answer.Status)
	}
}

// When goinit is gone the gateway says so, to its caller and to who asks it.
func TestGoinitIsGone(t *testing.T) {
	address, server, lost := serve(t, controltest.New())
	server.Close()
	for _, path := range []string{"/readyz", "/livez"} {
		if answer, body := ask(t, "GET", address, path); answer.StatusCode != 503 || body != "[-]goinit failed: goinit has closed the connection\n"+path[1:]+" check failed\n" {
			t.Errorf("%s: %d %q", path, answer.StatusCode, body)
		}
	}
	if answer, body := ask(t, "GET", address, "/metrics"); answer.StatusCode != 503 || body != "goinit has closed the connection\n" {
		t.Errorf("/metrics: %d %q", answer.StatusCode, body)
	}
	if err := <-lost; !errors.Is(err, control.ErrGone) {
		t.Error(err)
	}
}
