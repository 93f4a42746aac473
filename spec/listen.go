package spec

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"goinit/cluster/address"
)

// Listen is a socket that goinit opens and keeps for the workers of an app.
type Listen struct {
	Address string `json:"address"` // as package cluster/address writes it
	Name    string `json:"name"`    // in LISTEN_FDNAMES; the app's, unless given
	Backlog int    `json:"backlog"` // of TCP and unix
	Mode    string `json:"mode"`    // of a unix socket: octal digits
	// Message has the socket sent on Node's channel with this message, as a net.Server: worker.send('server', server).
	Message string `json:"message,omitempty"`
}

// maxListen keeps LISTEN_FDS below the numbers that readiness: {fd: N} takes.
const maxListen = 64

// maxFDName is the longest name of LISTEN_FDNAMES that sd_listen_fds_with_names(3) takes.
const maxFDName = 255

// listen reads a list of addresses, or of objects.
func (l *loader) listen(f *fields, app string) []Listen {
	v, ok := f.get("listen")
	if !ok {
		return nil
	}
	at := f.at("listen")
	elements, ok := v.([]any)
	if !ok {
		if _, known := l.scalar(at, v); known {
			l.fail(at, "a list is wanted here: [ … ]")
		}
		return nil
	}
	if len(elements) > maxListen {
		l.fail(at, "%d sockets, more than %d", len(elements), maxListen)
		return nil
	}
	var all []Listen
	for i, e := range elements {
		one := l.listenOne(fmt.Sprintf("%s.%d", at, i), e, app)
		if one.Address != "" && slices.ContainsFunc(all, func(o Listen) bool { return o.Address == one.Address }) {
			l.fail(fmt.Sprintf("%s.%d", at, i), "%s is there twice", one.Address)
		}
		all = append(all, one)
	}
	return all
}

func (l *loader) listenOne(at string, v any, app string) Listen {
	one := Listen{Name: app, Backlog: 511}
	if _, ok := v.(*object); !ok {
		one.Address = parsed(l, at, v, "", ParseListenAddress)
		if strings.HasPrefix(one.Address, "unix:") {
			one.Mode = "0660"
		}
		return one
	}
	o := l.object(at, v)
	one.Address = value(o, "address", "", ParseListenAddress)
	one.Name = value(o, "name", app, ParseFDName)
	one.Backlog = value(o, "backlog", 511, IntBetween(1, 65535))
	isUnix := strings.HasPrefix(one.Address, "unix:")
	if isUnix {
		one.Mode = "0660"
	}
	one.Message = value(o, "message", "", text)
	if one.Message != "" && strings.HasPrefix(one.Address, "udp:") {
		l.fail(o.at("message"), "a net.Server is sent with it, and UDP has none: leave it out")
	}
	one.Mode = value(o, "mode", one.Mode, orEmpty(ParseFileMode)) // empty: as encoding/json writes one that has none
	if _, there := o.o.values["address"]; !there {
		l.fail(at, "address: is missing in it")
	} else if one.Address != "" && one.Mode != "" && !isUnix {
		l.fail(o.at("mode"), "is of a unix socket's file, and %s has none: leave it out", one.Address)
	}
	o.end()
	return one
}

func orEmpty(parse func(string) (string, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return parse(s)
	}
}

// ParseListenAddress reads an address to listen on.
func ParseListenAddress(s string) (string, error) {
	a, err := address.Parse(s)
	if err != nil {
		return "", err
	}
	if a.Network != address.Unix && a.Port == 0 {
		return "", fmt.Errorf("%q: port 0 is whichever is free, and nobody would know which: write its number", clip(s))
	}
	return a.String(), nil
}

// ParseFDName reads a name of LISTEN_FDNAMES, which colons separate.
func ParseFDName(s string) (string, error) {
	if s == "" || len(s) > maxFDName || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return "", fmt.Errorf("%q is not a name for LISTEN_FDNAMES: letters, digits, - and _, no colon and no space", clip(s))
	}
	return s, nil
}

// ParseFileMode reads the permissions of a file.
func ParseFileMode(s string) (string, error) {
	if n, err := strconv.ParseUint(s, 8, 32); err != nil || n > 0o777 || n == 0 || len(s) > 5 {
		return "", fmt.Errorf(`%q is not the mode of a file: write octal digits such as "0660"`, clip(s))
	}
	return s, nil
}

// What App.Node can be; NodeChannel resolves auto.
const (
	NodeAuto    = "auto"
	NodeCluster = "cluster" // a worker of Node's cluster: goinit is its primary
	NodeIPC     = "ipc"     // a child as of child_process.fork
	NodeOff     = "off"
)

// NodeChannel is what the app has of Node: NodeCluster, NodeIPC or NodeOff.
func (a *App) NodeChannel() string {
	if a.Node != NodeAuto && a.Node != "" {
		return a.Node
	}
	if len(a.Command) > 0 && !a.Job() && a.Workers != (Workers{Count: 1}) && a.Workers != (Workers{}) {
		if program := path.Base(a.Command[0]); (program == "node" || program == "nodejs") && runsScript(a.Command[1:]) {
			return NodeCluster
		}
	}
	return NodeOff
}

// runsScript reports whether Node runs a program's file with these arguments, in the process that it is: --watch, --test and
// --run start others, which do not get the channel or make nothing of it, and an argument that is evaluated is no cluster's worker.
func runsScript(args []string) bool {
	for i := 0; i < len(args); i++ {
		name, _, valued := strings.Cut(args[i], "=")
		switch name {
		case "-", "-e", "--eval", "-p", "--print", "-pe", "-i", "--interactive", "--run", "--test":
			return false
		case "--":
			return i+1 < len(args)
		case "-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--env-file-if-exists", "--title":
			if !valued {
				i++ // its value is the next
			}
			continue
		}
		if strings.HasPrefix(name, "--watch") {
			return false
		}
		if !strings.HasPrefix(name, "-") {
			return true // what follows is the script's
		}
	}
	return false
}

// checkListen refuses what does not go together.
func (l *loader) checkListen(f *fields, a *App) {
	_, listens := f.o.values["listen"]
	if a.Job() {
		if len(a.Listen) > 0 {
			l.fail(f.at("listen"), "a job serves nothing: leave it out, or leave schedule: out")
		}
		if a.Node == NodeCluster {
			l.fail(f.at("node"), "a job serves nothing: write node: ipc, which has process.send() too, or leave it out")
		}
	}
	for i, one := range a.Listen {
		if one.Message != "" && a.NodeChannel() != NodeIPC && !l.unknown(f, "node", "workers") {
			l.fail(fmt.Sprintf("%s.%d.message", f.at("listen"), i), "is sent on Node's channel, to a program that waits for it: write node: ipc as well")
		}
	}
	if r := a.Readiness; r != nil && r.Node && a.NodeChannel() == NodeOff && !l.unknown(f, "node", "workers") {
		l.fail(f.at("readiness.node"), "process.send('ready') needs Node's channel: write node: ipc, or cluster for one of several workers")
	}
	if r := a.Readiness; r != nil && r.FD >= 3 && r.FD < 3+len(a.Listen) {
		l.fail(f.at("readiness.fd"), "%d is one of listen:'s sockets, which begin at 3: write %d", r.FD, 3+len(a.Listen))
	}
	if a.Balance == "auto" || l.unknown(f, "balance", "node", "workers") {
		return
	}
	tcp := func(one Listen) bool {
		return !strings.HasPrefix(one.Address, "unix:") && !strings.HasPrefix(one.Address, "udp:")
	}
	node := a.NodeChannel() == NodeCluster
	switch {
	case a.Balance == "round-robin" && !node:
		l.fail(f.at("balance"), "round-robin hands out connections one by one, on Node's channel: it is for node: cluster only; for other programs write reuseport or shared")
	case !listens && !node:
		l.fail(f.at("balance"), "there is nothing to balance: write listen: [\":8080\"], or node: cluster")
	case a.Balance == "reuseport" && !node && !slices.ContainsFunc(a.Listen, tcp):
		l.fail(f.at("balance"), "reuseport is for TCP: unix sockets and UDP are shared; leave it out")
	}
}

// checkSockets finds addresses that two apps want.
func (l *loader) checkSockets(s *Spec) {
	whose := map[string]string{}
	gateway := ""
	if s.Gateway != nil {
		gateway = s.Gateway.Listen
	}
	for _, a := range s.Apps {
		for i, one := range a.Listen {
			if one.Address == "" {
				continue
			}
			if one.Address == gateway {
				l.fail(fmt.Sprintf("apps.%s.listen.%d", a.Name, i), "%s is the gateway's already: write another one, here or as gateway.listen", one.Address)
				continue
			}
			if other, there := whose[one.Address]; there && other != a.Name {
				l.fail(fmt.Sprintf("apps.%s.listen.%d", a.Name, i), "%s is %s's already: an address belongs to one app", one.Address, other)
				continue
			}
			whose[one.Address] = a.Name
		}
	}
}
