package health

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestURLs(t *testing.T) {
	for _, c := range []struct{ url, host, path, refused string }{
		{"http://127.0.0.1:8080/healthz", "127.0.0.1:8080", "/healthz", ""},
		{"http://localhost", "localhost", "/", ""},
		{"http://[::1]:80?a=b", "[::1]:80", "/?a=b", ""},
		{"http://[::1]/x#frag", "[::1]", "/x", ""},
		{"http://0.0.0.0:1/", "0.0.0.0:1", "/", ""},
		{"https://127.0.0.1/", "", "", "https is not spoken here"},
		{"127.0.0.1:8080/healthz", "", "", `"127.0.0.1:8080/healthz" is not a URL to probe: write http://127.0.0.1:8080/healthz`},
		{"http://example.com/", "", "", `"example.com" is neither an IP address nor localhost, and goinit asks no name server`},
		{"http://user@127.0.0.1/", "", "", `"user@127.0.0.1" is neither an IP address nor localhost, and goinit asks no name server`},
		{"http://127.0.0.1:x/", "", "", `"http://127.0.0.1:x/" has no port behind the colon`},
		{"http://127.0.0.1:0/", "", "", `"http://127.0.0.1:0/" has no port behind the colon`},
		{"http://:80/", "", "", `"http://:80/" has no host`},
		{"http://[::g]:80/", "", "", `"[::g]" is not an IPv6 address`},
		{"http://127.0.0.1/a b", "", "", `"http://127.0.0.1/a b" has a character that has to be escaped in a URL`},
		{"http://127.0.0.1/\r\nX: y", "", "", `"http://127.0.0.1/\r\nX: y" has a character that has to be escaped in a URL`},
	} {
		p, err := NewHTTP(c.url)
		if c.refused != "" {
			if err == nil || err.Error() != c.refused {
				t.Errorf("%s: %v, want %s", c.url, err, c.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		if want := "GET " + c.path + " HTTP/1.1\r\nHost: " + c.host + "\r\n"; !strings.HasPrefix(string(p.page.request), want) {
			t.Errorf("%s: asks %q, want %q", c.url, p.page.request, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for s, refused := range map[string]string{
		":6379": "", "127.0.0.1:1": "", "[::1]:65535": "", "localhost:80": "",
		"6379": `"6379" has no port`, "127.0.0.1:0": `"127.0.0.1:0" has no port`, ":65536": `":65536" has no port`,
		"db:80":            `"db" is neither an IP address nor localhost, and goinit asks no name server`,
		"unix:/run/x.sock": `"unix:/run/x.sock" has no port`, "::1:80": `"::1" is neither an IP address nor localhost, and goinit asks no name server`,
	} {
		_, err := NewTCP(s)
		if got := text(err); got != refused {
			t.Errorf("%s: %q, want %q", s, got, refused)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct{ name, text, want, body string }{
		{"ok", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more", "200", "ok and more"},
		{"no reason", "HTTP/1.1 204\r\n\r\n", "204", ""},
		{"old", "HTTP/1.0 404 Not Found\nServer: x\n\ngone", "404", "gone"},
		{"early hints", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 503 Busy\r\n\r\nsorry", "503", "sorry"},
		{"cut body", "HTTP/1.1 500 X\r\nContent-Length: 99\r\n\r\nhalf", "500", "half"},
		{"chunked", "HTTP/1.1 500 X\r\ntransfer-encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "500", "hello world"},
		{"cut chunk", "HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nff\r\n world", "500", "hello world"},
		{"nothing", "", "it hung up without an answer", ""},
		{"half a header", "HTTP/1.1 200 OK\r\nConten", "the answer is not HTTP", ""},
		{"redis", "-ERR wrong number of arguments\r\n\r\n", "the answer is not HTTP", ""},
		{"http 2", "HTTP/2 200 OK\r\n\r\n", "the answer is not HTTP", ""},
		{"no number", "HTTP/1.1 2x0 OK\r\n\r\n", "the answer is not HTTP", ""},
		{"long header", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 10000), "the answer's header is longer than 16 KiB", ""},
		{"long body", "HTTP/1.1 500 X\r\n\r\n" + strings.Repeat("x", 1<<20), "500", strings.Repeat("x", maxBody)},
	} {
		for _, size := range []int{1, 7, 4096} { // of a read
			r := strings.NewReader(c.text)
			status, body, err := readAnswer(func(b []byte) (int, error) { return r.Read(b[:min(len(b), size)]) })
			got := text(err)
			if err == nil {
				got = string(rune('0'+status/100)) + string(rune('0'+status/10%10)) + string(rune('0'+status%10))
			}
			// What came with the header may be more than the body.
			if got != c.want || !strings.HasPrefix(c.body, string(body)) || size == 4096 && string(body) != c.body {
				t.Errorf("%s, read by %d: %s %.40q, want %s %.40q", c.name, size, got, body, c.want, c.body)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 100 C\r\n\r\nHTTP/1.0 404\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rest := b
		status, body, err := readAnswer(func(into []byte) (int, error) {
			if len(rest) == 0 {
				return 0, io.EOF
			}
			n := copy(into, rest)
			rest = rest[n:]
			return n, nil
		})
		if err == nil && (status < 200 || status > 999) || len(body) > maxBody {
			t.Errorf("status %d, %d bytes", status, len(body))
		}
	})
}

// TestHostileServers are those that no server of good will is like.
func TestHostileServers(t *testing.T) {
	for _, c := range []struct {
		name, want string
		serve      func(net.Conn)
	}{
		{"silent", "no answer within 200ms", func(c net.Conn) { io.Copy(io.Discard, c) }},
		{"half", "no answer within 200ms", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200"); io.Copy(io.Discard, c) }},
		{"hangs up", "it hung up without an answer", func(c net.Conn) { c.Read(make([]byte, 1000)) }},
		{"endless header", "the answer's header is longer than 16 KiB", func(c net.Conn) {
			c.Read(make([]byte, 1000))
			for {
				if _, err := io.WriteString(c, "A: b\r\n"); err != nil {
					return
				}
			}
		}},
		{"endless body", "", func(c net.Conn) {
			c.Read(make([]byte, 1000))
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			for {
				if _, err := io.WriteString(c, "more\n"); err != nil {
					return
				}
			}
		}},
		{"body that never comes", "", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
			io.Copy(io.Discard, c)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			served := make(chan struct{})
			go func() {
				defer close(served)
				if conn, err := l.Accept(); err == nil {
					c.serve(conn)
					conn.Close()
				}
			}()
			url := "http://" + l.Addr().String() + "/"
			p, err := NewHTTP(url)
			if err != nil {
				t.Fatal(err)
			}
			limit := patience
			switch {
			case strings.Contains(c.want, "200ms"):
				limit = 200 * time.Millisecond
			case c.want == "": // the status comes within that, the end of the body does not
				limit = 2 * time.Second
			}
			got := why(p.check(context.Background(), time.Now().Add(limit)))
			want := c.want
			if want != "" {
				want = "GET " + url + ": " + want
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
			<-served // it was hung up on
		})
	}
}

func why(f *Failure) string {
	if f == nil {
		return ""
	}
	return f.Why
}

// TestGivenUp: a probe under way ends with its context, not with its deadline.
func TestGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := NewHTTP("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		p.check(ctx, time.Now().Add(time.Hour))
		close(done)
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	<-done
}

// TestConnectionWithItself makes on purpose what happens by chance where nobody listens on a port of the range that the
// kernel chooses from.
func TestConnectionWithItself(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, own); err != nil {
		t.Fatal(err)
	}
	if !toItself(fd) {
		t.Error("not seen to be connected with itself")
	}
}
