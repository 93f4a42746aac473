package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"goinit/ipaddr"
)

// Readiness is how a worker shows that it is ready. One of the kinds is set: those that tell once (Notify, FD, Node,
// Listening, Log), or those that are asked for ever (HTTP, TCP, Exec).
type Readiness struct {
	Notify    bool     `json:"notify,omitempty"`    // READY=1 on NOTIFY_SOCKET
	FD        int      `json:"fd,omitempty"`        // a newline on this descriptor of the worker's, 3 or above
	Node      bool     `json:"node,omitempty"`      // process.send('ready') on Node's channel
	Listening int      `json:"listening,omitempty"` // a TCP port that a process of its own tree listens on
	Log       string   `json:"log,omitempty"`       // a regular expression (RE2) that a line of its output matches
	HTTP      string   `json:"http,omitempty"`      // URL; 200 to 399 is well
	TCP       string   `json:"tcp,omitempty"`       // host:port; no host: 127.0.0.1
	Exec      []string `json:"exec,omitempty"`      // status 0 is well

	StartTimeout     Duration `json:"start_timeout"` // from the start to the first readiness
	Period           Duration `json:"period"`
	Timeout          Duration `json:"timeout"` // of one probe
	SuccessThreshold int      `json:"success_threshold"`
	FailureThreshold int      `json:"failure_threshold"`
}

// Continuous reports whether the kind is asked for ever, and can be lost again.
func (r *Readiness) Continuous() bool { return r.HTTP != "" || r.TCP != "" || len(r.Exec) > 0 }

// Liveness is how a worker shows that it is not stuck, and what to do when it is. One of the kinds is set.
type Liveness struct {
	HTTP      string   `json:"http,omitempty"`
	TCP       string   `json:"tcp,omitempty"`
	Exec      []string `json:"exec,omitempty"`
	Heartbeat Duration `json:"heartbeat,omitempty"` // WATCHDOG=1 at least so often
	Silence   Duration `json:"silence,omitempty"`   // a line of output at least so often

	InitialDelay     Duration `json:"initial_delay"` // from ready
	Period           Duration `json:"period"`
	Timeout          Duration `json:"timeout"`
	FailureThreshold int      `json:"failure_threshold"`
	Action           string   `json:"action"` // restart, reload, shutdown, none
}

// The kinds of readiness and of liveness, in the order of reference.yaml.
var (
	readinessKinds = []string{"notify", "fd", "node", "listening", "log", "http", "tcp", "exec"}
	livenessKinds  = []string{"http", "tcp", "exec", "heartbeat", "silence"}
)

// readiness reads an object with one kind in it.
func (l *loader) readiness(f *fields, a *App) *Readiness {
	v, there := f.get("readiness")
	if !there {
		return nil
	}
	o := l.object(f.at("readiness"), v)
	r := &Readiness{
		Notify: value(o, "notify", false, ParseBool), FD: value(o, "fd", 0, IntBetween(3, 255)), Node: value(o, "node", false, ParseBool),
		Listening: value(o, "listening", 0, IntBetween(1, 65535)), Log: value(o, "log", "", ParseRegexp),
		HTTP: value(o, "http", "", ParseProbeURL), TCP: value(o, "tcp", "", ParseProbeAddress), Exec: list(o, "exec", nil, text),
		StartTimeout: value(o, "start_timeout", seconds(60), positive),
		Period:       value(o, "period", seconds(10), positive), Timeout: value(o, "timeout", seconds(3), positive),
		SuccessThreshold: value(o, "success_threshold", 1, IntBetween(1, 1000)),
		FailureThreshold: value(o, "failure_threshold", 3, IntBetween(1, 1000)),
	}
	l.oneOf(o, readinessKinds)
	for key, on := range map[string]bool{"notify": r.Notify, "node": r.Node} {
		if v, ok := o.o.values[key]; ok && !on && !l.unknown(o, key) && v != nil {
			l.fail(o.at(key), "false is no readiness: leave it out")
		}
	}
	l.checkExec(o, r.Exec)
	l.checkAim(o, a, f)
	o.end()
	return r
}

// liveness reads an object with one kind in it.
func (l *loader) liveness(f *fields, a *App) *Liveness {
	v, there := f.get("liveness")
	if !there {
		return nil
	}
	o := l.object(f.at("liveness"), v)
	p := &Liveness{
		HTTP: value(o, "http", "", ParseProbeURL), TCP: value(o, "tcp", "", ParseProbeAddress), Exec: list(o, "exec", nil, text),
		Heartbeat: value(o, "heartbeat", 0, positive), Silence: value(o, "silence", 0, positive),
		InitialDelay: value(o, "initial_delay", 0, ParseDuration),
		Period:       value(o, "period", seconds(10), positive), Timeout: value(o, "timeout", seconds(3), positive),
		FailureThreshold: value(o, "failure_threshold", 3, IntBetween(1, 1000)),
		Action:           value(o, "action", "restart", OneOf("restart", "reload", "shutdown", "none")),
	}
	l.oneOf(o, livenessKinds)
	l.checkExec(o, p.Exec)
	l.checkAim(o, a, f)
	o.end()
	return p
}

func (l *loader) oneOf(o *fields, kinds []string) {
	var there []string
	for _, k := range kinds {
		if _, ok := o.o.values[k]; ok {
			there = append(there, k)
		}
	}
	switch {
	case len(there) == 0:
		l.fail(o.path, "one of %s is wanted in it", strings.Join(kinds, ", "))
	case len(there) > 1:
		l.fail(o.path, "%s exclude each other: leave one", strings.Join(there, " and "))
	}
}

func (l *loader) checkExec(o *fields, words []string) {
	if _, ok := o.o.values["exec"]; ok && l.mode != checking && (len(words) == 0 || words[0] == "") { // when checking, the compiler has told it
		l.fail(o.at("exec"), "is empty: write the program and its arguments")
	}
}

// checkAim refuses a probe of an address that several workers share: whoever answers, it says nothing of the others.
func (l *loader) checkAim(o *fields, a *App, f *fields) {
	if a.Workers == (Workers{Count: 1}) || a.Workers == (Workers{}) || l.unknown(f, "workers") {
		return
	}
	others := "exec: [command], which runs in each worker's place"
	if strings.HasSuffix(o.path, "readiness") {
		others = "listening: PORT or notify: true, which each worker answers for itself; or " + others
	} else {
		others = "heartbeat: 30s, which each worker answers for itself; or " + others
	}
	for _, key := range []string{"http", "tcp"} {
		where, ok := o.o.values[key].(string)
		if !ok || l.unknown(o, key) {
			continue
		}
		if port, _ := probePort(where); a.incremented(port) {
			continue
		}
		l.fail(o.at(key), "several workers have this one address, and a probe cannot aim at each: give each a port of its own "+
			"(increment: {PORT: 8080} makes it 8080, 8081 …, and the probe follows); or %s", others)
	}
}

// incremented reports whether slot 0 is given a port, and the others those after it.
func (a *App) incremented(port int) bool {
	for _, base := range a.Increment {
		if base == port && port > 0 {
			return true
		}
	}
	return false
}

// Aim is the address or URL at which a slot answers: increment gives slot N the port N after that of slot 0.
func (a *App) Aim(address string, slot int) string {
	port, at := probePort(address)
	if slot == 0 || !a.incremented(port) {
		return address
	}
	return address[:at] + strconv.Itoa(port+slot) + address[at+len(strconv.Itoa(port)):]
}

// AimPort is the same for a port alone.
func (a *App) AimPort(port, slot int) int {
	if a.incremented(port) {
		return port + slot
	}
	return port
}

// probePort finds the port in a URL or an address, and where it stands; 0: there is none.
func probePort(s string) (port, at int) {
	start := 0
	if i := strings.Index(s, "://"); i >= 0 {
		start = i + 3
	}
	host := s[start:]
	if end := strings.IndexAny(host, "/?#"); end >= 0 {
		host = host[:end]
	}
	colon := strings.LastIndexByte(host, ':')
	if colon < 0 || strings.HasSuffix(host, "]") {
		return 0, 0
	}
	n, err := strconv.Atoi(host[colon+1:])
	if err != nil || strconv.Itoa(n) != host[colon+1:] {
		return 0, 0
	}
	return n, start + colon + 1
}

// checkHeard refuses to wait for lines that goinit does not see.
func (l *loader) checkHeard(f *fields, a *App) {
	const where = "goinit does not see its output with logs: {console: inherit}: "
	if a.Logs.Console != "inherit" {
		return
	}
	if a.Readiness != nil && a.Readiness.Log != "" {
		l.fail(f.at("readiness.log"), where+"write another console, or notify: true")
	}
	if a.Liveness != nil && a.Liveness.Silence > 0 {
		l.fail(f.at("liveness.silence"), where+"write another console, or heartbeat: %v", a.Liveness.Silence)
	}
}

// ParseRegexp reads a regular expression of package regexp (RE2), and keeps its text.
func ParseRegexp(s string) (string, error) {
	if s == "" {
		return "", fmt.Errorf("empty: every line would match")
	}
	if _, err := regexp.Compile(s); err != nil {
		return "", fmt.Errorf("%q is not a regular expression: %s", clip(s), strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return s, nil
}

// ParseProbeURL reads a URL on this machine: PID 1 asks no name server.
func ParseProbeURL(s string) (string, error) {
	scheme, rest, ok := strings.Cut(s, "://")
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host = rest[:end]
	}
	if !ok || scheme != "http" && scheme != "https" || !isProbeHost(host) || strings.ContainsAny(s, " \t\r\n\x00@") {
		return "", fmt.Errorf("%q is not a URL to probe: write http://127.0.0.1:8080/healthz, the host an IP address or localhost", clip(s))
	}
	if strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
		return "", fmt.Errorf("%q has a character that has to be escaped in a URL", clip(s))
	}
	return s, nil
}

// isProbeHost takes an IP address or localhost, with a port or without.
func isProbeHost(host string) bool {
	name := host
	if port, at := probePort(host); port > 0 && port <= 65535 {
		name = host[:at-1]
	}
	if name == "localhost" {
		return true
	}
	bare, bracketed := strings.CutPrefix(name, "[")
	if bracketed {
		if bare, bracketed = strings.CutSuffix(bare, "]"); !bracketed {
			return false
		}
	}
	if bracketed {
		_, ok := ipaddr.ParseIPv6(bare)
		return ok
	}
	_, ok := ipaddr.ParseIPv4(bare)
	return ok
}

// ParseProbeAddress reads a host and a port of TCP, where the host may be left out for 127.0.0.1.
func ParseProbeAddress(s string) (string, error) {
	port, at := probePort(s)
	if port < 1 || port > 65535 || s[at:] != strconv.Itoa(port) || s[:at-1] != "" && !isProbeHost(s) {
		return "", fmt.Errorf(`%q is not an address to probe: write ":8080" or "127.0.0.1:8080", the host an IP address or localhost`, clip(s))
	}
	return s, nil
}

func positive(s string) (Duration, error) {
	d, err := ParseDuration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("%q: a time above 0 is wanted", clip(s))
	}
	return d, err
}
