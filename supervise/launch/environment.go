package launch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"goinit/spec"
	"goinit/supervise/tree"
)

// protocol are the variables by which somebody else's supervisor speaks with goinit. What is said to goinit is not said
// to a worker.
func protocol(name string) bool {
	switch name {
	case "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NODE_CHANNEL_FD",
		"NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID", "WATCHDOG_USEC", "WATCHDOG_PID":
		return true
	}
	return strings.HasPrefix(name, "GOINIT_")
}

// environment keeps the order in which names came, and the last value of each.
type environment struct {
	list  []string
	index map[string]int
}

func newEnvironment(room int) environment {
	return environment{list: make([]string, 0, room), index: make(map[string]int, room)}
}

func (e *environment) set(name, value string) { e.put(name, name+"="+value) }

// put is set for who has both in one string already.
func (e *environment) put(name, pair string) {
	if i, ok := e.index[name]; ok {
		e.list[i] = pair
		return
	}
	e.index[name] = len(e.list)
	e.list = append(e.list, pair)
}

func (e *environment) get(name string) (string, bool) {
	i, ok := e.index[name]
	if !ok {
		return "", false
	}
	return e.list[i][len(name)+1:], true
}

// environmentOf is what a worker finds: the cookie and who it is, goinit's own environment, the user's, the files', the
// spec's, what differs by slot, and last what goinit has to say to it.
func (s *Starter) environmentOf(a *spec.App, slot, generation int, account *Account, given []string) ([]string, error) {
	const more = 16 // than what is given: the cookie, who it is
	e := newEnvironment(len(s.Environment) + len(a.Environment) + len(given) + more)
	e.set(tree.WorkerVariable, tree.Worker(a.Name, slot)) // first, for the look into /proc
	e.set(tree.GenerationVariable, strconv.Itoa(generation))
	e.set(tree.BootVariable, s.BootID)
	e.set("GOINIT_APP", a.Name)
	e.set("GOINIT_SLOT", strconv.Itoa(slot))
	own := slices.Clone(e.list)
	if a.InheritEnvironment {
		for _, kv := range s.Environment {
			if name, _, ok := strings.Cut(kv, "="); ok && name != "" && !protocol(name) {
				e.put(name, kv)
			}
		}
	}
	if account != nil {
		e.set("HOME", account.Home)
		name := account.Name
		if name == "" {
			name = strconv.FormatUint(uint64(account.UID), 10)
		}
		e.set("USER", name)
		e.set("LOGNAME", name)
	}
	if a.NodeChannel() != spec.NodeOff {
		e.set("NODE_APP_INSTANCE", strconv.Itoa(slot)) // PM2's name for it, which programs for Node know
	}
	if err := s.fromSpec(a, &e); err != nil {
		return nil, err
	}
	for name, base := range a.Increment {
		e.set(name, strconv.Itoa(base+slot))
	}
	for _, kv := range slices.Concat(own, given) { // nobody else says who a worker is
		name, value, _ := strings.Cut(kv, "=")
		if theirs, there := e.get(name); there && name == "NODE_OPTIONS" {
			if s.AddsNodeOptions != nil && !s.AddsNodeOptions(a, theirs) {
				continue
			}
			kv = name + "=" + theirs + " " + value
		}
		e.put(name, kv)
	}
	return e.list, nil
}

func (s *Starter) fromSpec(a *spec.App, e *environment) error {
	for _, f := range a.EnvFile {
		if s.ReadEnvFile == nil {
			return fmt.Errorf("env_file %s: not available yet", f.Path)
		}
		variables, err := s.ReadEnvFile(s.Absolute(a, f.Path), f.Required, e.get)
		if err != nil {
			return fmt.Errorf("env_file: %w", err)
		}
		for _, v := range variables {
			e.set(v.Name, v.Value)
		}
	}
	for _, v := range a.Environment {
		value := v.Value
		if v.File != "" {
			if s.ReadSecret == nil {
				return fmt.Errorf("environment %s: {file: %s}: not available yet", v.Name, v.File)
			}
			var err error
			if value, err = s.ReadSecret(s.Absolute(a, v.File)); err != nil {
				return fmt.Errorf("environment %s: %w", v.Name, err)
			}
		}
		e.set(v.Name, value)
	}
	return nil
}
