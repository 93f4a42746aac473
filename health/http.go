package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// HTTP is a probe that asks for a page.
type HTTP struct{ page *Page }

// Page is what is asked for. A status of 200 to 399 is well; a redirection is not followed.
type Page struct {
	TLS     bool
	aim     aim
	url     string
	request []byte
}

const (
	maxURL    = 4096
	maxHeader = 16 << 10 // of an answer
	maxBody   = 10 << 10 // that is read: as the kubelet does
)

// ErrHTTPS is NewHTTP's answer to a https URL: TLS is no part of PID 1, a program has to ask.
var ErrHTTPS = errors.New("https is not spoken here")

// NewHTTP reads http://HOST[:PORT][/PATH][?QUERY], where HOST is an IP address or localhost.
func NewHTTP(url string) (*HTTP, error) {
	p, err := NewPage(url)
	if err == nil && p.TLS {
		err = ErrHTTPS
	}
	if err != nil {
		return nil, err
	}
	return &HTTP{p}, nil
}

// NewPage reads what NewHTTP reads, and https.
func NewPage(url string) (*Page, error) {
	rest, ok := strings.CutPrefix(url, "http://")
	standard := 80
	if !ok {
		rest, ok = strings.CutPrefix(url, "https://")
		standard = 443
	}
	if !ok || len(url) > maxURL {
		return nil, fmt.Errorf("%.100q is not a URL to probe: write http://127.0.0.1:8080/healthz", url)
	}
	if i := strings.IndexFunc(url, func(r rune) bool { return r <= ' ' || r >= 127 }); i >= 0 {
		return nil, fmt.Errorf("%.100q has a character that has to be escaped in a URL", url)
	}
	rest, _, _ = strings.Cut(rest, "#")
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, path := rest[:end], rest[end:]
	if strings.HasPrefix(path, "?") || path == "" {
		path = "/" + path
	}
	host, port := authority, standard
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.HasSuffix(authority, "]") {
		n, err := strconv.ParseUint(authority[i+1:], 10, 16)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%.100q has no port behind the colon", url)
		}
		host, port = authority[:i], int(n)
	}
	if host == "" {
		return nil, fmt.Errorf("%.100q has no host", url)
	}
	a, err := aimAt(host, port)
	if err != nil {
		return nil, err
	}
	return &Page{TLS: standard == 443, aim: a, url: url, request: []byte("GET " + path + " HTTP/1.1\r\nHost: " + authority +
		"\r\nUser-Agent: goinit\r\nAccept: */*\r\nConnection: close\r\n\r\n")}, nil
}

func (p *HTTP) check(ctx context.Context, deadline time.Time) *Failure {
	limit := time.Until(deadline)
	c, err := p.page.aim.dial(ctx, deadline)
	if err != nil {
		f := p.page.fail(connectReason(err, limit))
		f.ours = isOwn(err)
		return f
	}
	defer c.close()
	return p.page.Ask(c, limit)
}

// Ask asks on a connection, which has a deadline; limit is for words.
func (p *Page) Ask(c io.ReadWriter, limit time.Duration) *Failure {
	var status int
	var body []byte
	_, err := c.Write(p.request)
	if err == nil {
		status, body, err = readAnswer(c.Read)
	}
	switch {
	case timedOut(err):
		return p.fail("no answer within " + words(limit))
	case err != nil:
		return p.fail(reason(err))
	case status >= 200 && status < 400:
		return nil
	}
	f := p.fail("status " + strconv.Itoa(status))
	f.Output = printable(body)
	return f
}

func (p *Page) fail(why string) *Failure { return &Failure{Why: "GET " + p.url + ": " + why} }

// Addresses are where the page is, as net.Dial takes them; what comes first is tried first.
func (p *Page) Addresses() []string {
	host := strings.Trim(p.aim.host, "[]")
	if len(p.aim.at) > 1 {
		return []string{net4(p.aim.port), net6(p.aim.port)}
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return []string{host + ":" + strconv.Itoa(p.aim.port)}
}

func net4(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
func net6(port int) string { return "[::1]:" + strconv.Itoa(port) }

var (
	errNotHTTP = errors.New("the answer is not HTTP")
	errTooLong = errors.New("the answer's header is longer than 16 KiB")
	errHungUp  = errors.New("it hung up without an answer")
)

// readAnswer reads a status and the beginning of a body. A body that does not come to its end is as good as one that does:
// the status has been said. What is read is read so that the process is not sent a reset for an answer that it gave.
func readAnswer(read func([]byte) (int, error)) (status int, body []byte, err error) {
	var header []byte
	buffer := make([]byte, 0, 2048)
	for {
		for {
			if i, n := headerEnd(buffer); i >= 0 {
				header, body = buffer[:i], buffer[i+n:]
				break
			}
			if len(buffer) > maxHeader {
				return 0, nil, errTooLong
			}
			var got int
			if buffer, got, err = readMore(read, buffer); got == 0 {
				return 0, nil, unfinished(buffer, err)
			}
		}
		if status, err = parseStatus(header); err != nil {
			return 0, nil, err
		}
		if status >= 200 {
			break
		}
		buffer = body // 1xx says that there is more to come
	}
	want := min(contentLength(header, status), maxBody)
	for len(body) < want {
		var got int
		if body, got, _ = readMore(read, body); got == 0 {
			break
		}
	}
	body = body[:min(len(body), maxBody)]
	if strings.EqualFold(field(header, "Transfer-Encoding"), "chunked") {
		body = unchunk(body)
	}
	return status, body, nil
}

// unchunk takes the sizes out of what there is of a chunked body (RFC 9112, 7.1).
func unchunk(b []byte) (body []byte) {
	for {
		line, rest, ok := bytes.Cut(b, []byte("\r\n"))
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if !ok || err != nil || n == 0 {
			return body
		}
		if int(n) >= len(rest) {
			return append(body, rest...)
		}
		body = append(body, rest[:n]...)
		b = bytes.TrimPrefix(rest[n:], []byte("\r\n"))
	}
}

func readMore(read func([]byte) (int, error), b []byte) ([]byte, int, error) {
	if cap(b)-len(b) < 512 {
		b = append(make([]byte, 0, 2*cap(b)+1024), b...)
	}
	n, err := read(b[len(b):cap(b)])
	return b[:len(b)+n], n, err
}

// unfinished is an answer without the end of its header.
func unfinished(b []byte, err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(b) == 0 {
		return errHungUp
	}
	return errNotHTTP
}

// headerEnd finds the empty line, and how long it is.
func headerEnd(b []byte) (at, length int) {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i, 4
	}
	return bytes.Index(b, []byte("\n\n")), 2
}

// parseStatus reads the first line: HTTP/1.1 200 OK.
func parseStatus(header []byte) (int, error) {
	line, _, _ := bytes.Cut(header, []byte("\n"))
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[1] != ' ' || len(rest) > 5 && rest[5] != ' ' && rest[5] != '\r' {
		return 0, errNotHTTP
	}
	n, err := strconv.ParseUint(string(rest[2:5]), 10, 16)
	if err != nil || n < 100 {
		return 0, errNotHTTP
	}
	return int(n), nil
}

// contentLength is how long the body is; where the header does not say, it ends with the connection.
func contentLength(header []byte, status int) int {
	if status == 204 || status == 304 {
		return 0
	}
	if n, err := strconv.Atoi(field(header, "Content-Length")); err == nil && n >= 0 {
		return n
	}
	return maxBody
}

// field is a header's value; empty: there is none.
func field(header []byte, name string) string {
	for line := range bytes.SplitSeq(header, []byte("\n")) {
		if n, value, ok := bytes.Cut(line, []byte(":")); ok && strings.EqualFold(string(n), name) {
			return string(bytes.TrimSpace(value))
		}
	}
	return ""
}

// printable is text that can be shown on a terminal, in one piece and within bounds.
func printable(b []byte) string {
	if len(b) > maxOutput {
		b = b[:maxOutput]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 { // C0, DEL, C1
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), "")))
}
