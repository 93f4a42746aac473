package top

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"goinit/ctl/human"
	"goinit/signame"
)

// String is the order as one would type it: restart web/0, signal HUP web, scale web 4.
func (o Order) String() string {
	switch o.Verb {
	case "signal":
		return "signal " + o.Signal + " " + o.Target
	case "scale":
		return fmt.Sprintf("scale %s %d", o.Target, o.Workers)
	}
	return o.Verb + " " + o.Target
}

// asked is a question about an order. Only y carries it out.
type asked struct {
	order Order
	text  string // what will happen
}

// mostPending bounds the orders under way: each has a connection.
const mostPending = 8

// ask asks about an order for the selected row, unless it cannot be.
func (m *model) ask(o Order) tea.Cmd {
	i, ok := m.mayOrder(o.Verb)
	if !ok {
		return nil
	}
	m.askOf(i, o)
	return nil
}

// askOf asks about an order for a row, wherever that is by now.
func (m *model) askOf(i *item, o Order) {
	o.Target = i.target
	if o.Verb == "scale" {
		o.Target = i.app
	}
	m.asked = &asked{o, consequence(o, i, m.workersOf(i.app))}
}

// mayOrder says why not, where goinit would refuse it, or there is nobody to tell.
func (m *model) mayOrder(verb string) (*item, bool) {
	i := m.current()
	switch {
	case i == nil:
		return nil, false
	case m.reading.Info.Access == "read":
		m.status = verb + " is for root and goinit's own user: you may only look"
	case m.lost != nil:
		m.status = verb + ": goinit does not answer"
	case m.pending >= mostPending:
		m.status = fmt.Sprintf("%s: %d orders are under way; wait for one", verb, m.pending)
	default:
		return i, true
	}
	return nil, false
}

func (m *model) workersOf(app string) (n int) {
	for _, w := range m.reading.Workers {
		if w.App == app && w.Slot != nil {
			n++
		}
	}
	return n
}

// consequence says what an order will do, to whom.
func consequence(o Order, i *item, workers int) string {
	who := i.target
	if i.isApp() {
		who = fmt.Sprintf("all %s of %s", human.Plural(workers, "worker"), i.target)
	} else if pid := pidOf(i); pid > 0 {
		who = fmt.Sprintf("%s (pid %d)", i.target, pid)
	}
	switch o.Verb {
	case "start":
		return "start " + who
	case "stop":
		return "stop " + who + ", and leave it stopped"
	case "restart":
		return "stop " + who + " and start again; not served meanwhile"
	case "reload":
		return "replace " + who + ", each when its successor is ready"
	case "pause":
		return "suspend every process of " + who + " until it is resumed"
	case "resume":
		return "let " + who + " go on"
	case "signal":
		return "send " + o.Signal + " to the main process of " + who
	}
	return fmt.Sprintf("change %s from %s to %d", o.Target, human.Plural(workers, "worker"), o.Workers)
}

// carryOut has it done.
func (m *model) carryOut(o Order) tea.Cmd {
	m.pending++
	m.status = o.String() + " is under way"
	return func() tea.Msg {
		outcome, err := m.goinit.Order(m.ctx, o)
		return doneMsg{o, outcome, err}
	}
}

// askScale and askSignal want to know something first. Meanwhile rows may come and go: it is about the one that was selected.
func (m *model) askScale() tea.Cmd {
	i, ok := m.mayOrder("scale")
	if !ok {
		return nil
	}
	m.prompt = &prompt{label: "how many workers of " + i.app + "? ", text: strconv.Itoa(m.workersOf(i.app)), enter: func(text string) (tea.Cmd, error) {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 0 {
			return nil, errors.New("that is no number of workers")
		}
		m.askOf(i, Order{Verb: "scale", Workers: n})
		return nil, nil
	}}
	return nil
}

func (m *model) askSignal() tea.Cmd {
	i, ok := m.mayOrder("signal")
	if !ok {
		return nil
	}
	m.prompt = &prompt{label: "which signal to " + i.target + "? (HUP, USR1, 9) ", enter: func(text string) (tea.Cmd, error) {
		text = strings.ToUpper(strings.TrimSpace(text))
		if _, ok := signame.Parse(text); !ok {
			return nil, fmt.Errorf("there is no signal %q", text)
		}
		m.askOf(i, Order{Verb: "signal", Signal: text})
		return nil, nil
	}}
	return nil
}
