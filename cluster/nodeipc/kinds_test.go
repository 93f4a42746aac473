package nodeipc

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"goinit/cluster"
	"goinit/cluster/nodeipc/nodetest"
)

// every is a program that listens in every way that there is, says where, and what it thinks that it is.
const every = `
const cluster = require('cluster'), http = require('http'), https = require('https'), http2 = require('http2'), net = require('net'), dgram = require('dgram')
const fs = require('fs'), tls = {key: fs.readFileSync(DIR + '/key.pem'), cert: fs.readFileSync(DIR + '/cert.pem')}
const answer = (q, r) => r.end(String(process.pid))
const servers = {
  http: http.createServer(answer), https: https.createServer(tls, answer), http2: http2.createSecureServer(tls, answer),
  net: net.createServer(c => c.end(String(process.pid))), second: net.createServer(c => c.end(String(process.pid))),
  unix: net.createServer(c => c.end(String(process.pid))), abstract: net.createServer(c => c.end(String(process.pid))),
}
const where = {}, udp = dgram.createSocket('udp4')
udp.on('message', (m, from) => udp.send(process.pid + ' ' + m, from.port, from.address))
const listening = []
for (const [name, s] of Object.entries(servers)) listening.push(new Promise(done => {
  const to = name === 'unix' ? {path: DIR + '/sock'} : name === 'abstract' ? {path: '\0' + DIR} : name === 'second' ? {port: 0} : {port: 0, host: '127.0.0.1'}
  s.listen(to, () => { where[name] = s.address(); done() })
}))
listening.push(new Promise(done => udp.bind(0, '127.0.0.1', () => { where.udp = udp.address(); done() })))
listening.push(new Promise(done => process.send({some: 'message', of: [1, 2, {x: '\n'}]}, done)))
Promise.all(listening).then(() => console.log('at ' + JSON.stringify(where)))
console.log('is ' + JSON.stringify({worker: cluster.isWorker, primary: cluster.isPrimary, id: cluster.worker.id, connected: process.connected,
  env: Object.keys(process.env).filter(k => /^NODE_(CHANNEL|UNIQUE)/.test(k))}))
process.on('message', m => console.log('message ' + JSON.stringify(m)))
process.on('disconnect', () => console.log('disconnected'))
`

// Everything that a program may listen on, in every mode, with every version of Node: both of two workers are at the same
// addresses, and answer there.
func TestKinds(t *testing.T) {
	for _, node := range nodetest.All(t) {
		for mode, name := range modes {
			t.Run(node.Name+"/"+name, func(t *testing.T) {
				t.Parallel()
				testKinds(t, newApp(t, node.Path, cluster.Mode(mode)), false)
			})
		}
	}
}

// Deno listens as Node does, but for UDP, and does not end while that is open.
func TestKindsOfDeno(t *testing.T) {
	deno := nodetest.Deno(t)
	for mode, name := range modes {
		t.Run(name, func(t *testing.T) { testKinds(t, newApp(t, deno.Path, cluster.Mode(mode)), true) })
	}
}

type whereIs struct {
	Unix, Abstract                       string
	HTTP, HTTPS, HTTP2, Net, Second, UDP struct {
		Address, Family string
		Port            int
	}
}

func testKinds(t *testing.T, a *app, deno bool) {
	certificate(t, a.dir)
	program := fmt.Sprintf("const DIR = %q\n", a.dir) + every
	var at []whereIs
	var workers []*process
	for slot := range 2 {
		p := a.serve(slot, program)
		workers = append(workers, p)
		want := fmt.Sprintf(`is {"worker":true,"primary":false,"id":%d,"connected":true,"env":[]}`, slot+1)
		if got := p.line("is "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		var w whereIs
		if err := json.Unmarshal([]byte(strings.TrimPrefix(p.line("at "), "at ")), &w); err != nil {
			t.Fatal(err)
		}
		at = append(at, w)
	}
	if deno {
		at[1].UDP = at[0].UDP // it binds that by itself
	}
	if at[0] != at[1] {
		t.Fatalf("%+v and %+v", at[0], at[1])
	}
	w := at[0]
	if w.HTTP.Port == w.Net.Port || w.HTTP.Address != "127.0.0.1" || w.HTTP.Family != "IPv4" || w.Unix != a.dir+"/sock" {
		t.Errorf("%+v", w)
	}
	pids := map[string]bool{}
	for _, p := range workers {
		pids[fmt.Sprint(p.cmd.Process.Pid)] = true
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	dial := func(network, to string) string {
		c, err := net.Dial(network, to)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer c.Close()
		if network == "udp" {
			_, _ = io.WriteString(c, "x")
			b := make([]byte, 100)
			n, err := c.Read(b)
			if err != nil {
				t.Error(err)
			}
			return strings.TrimSuffix(string(b[:n]), " x")
		}
		b, err := io.ReadAll(bufio.NewReader(c))
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	fetch := func(url string) string {
		r, err := client.Get(url)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		return string(b)
	}
	for what, ask := range map[string]func() string{
		"http":     func() string { return fetch(fmt.Sprintf("http://127.0.0.1:%d", w.HTTP.Port)) },
		"https":    func() string { return fetch(fmt.Sprintf("https://127.0.0.1:%d", w.HTTPS.Port)) },
		"http2":    func() string { return fetch(fmt.Sprintf("https://127.0.0.1:%d", w.HTTP2.Port)) },
		"net":      func() string { return dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.Net.Port)) },
		"any":      func() string { return dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.Second.Port)) },
		"unix":     func() string { return dial("unix", w.Unix) },
		"abstract": func() string { return dial("unix", "@"+a.dir) },
		"udp":      func() string { return dial("udp", fmt.Sprintf("127.0.0.1:%d", w.UDP.Port)) },
	} {
		if pid := ask(); !pids[pid] {
			t.Errorf("%s: answered by %q, not by one of %v", what, pid, pids)
		}
	}
	for _, p := range workers {
		client.CloseIdleConnections()
		if !p.Drain() {
			t.Error("it could not be told")
		}
		if l := p.line("message "); l != `message "shutdown"` {
			t.Error(l)
		}
		p.line("disconnected")
		if deno {
			p.event(Drained)
			continue
		}
		p.wait()
		if s := p.cmd.ProcessState; !s.Success() {
			t.Errorf("it ended with %v", s)
		}
	}
}

// certificate writes key.pem and cert.pem.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"key.pem": {Type: "PRIVATE KEY", Bytes: private}, "cert.pem": {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
