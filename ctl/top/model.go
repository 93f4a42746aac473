package top

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"goinit/control"
	"goinit/ctl/human"
)

// model is all that the view knows. One goroutine has it: bubbletea's, which calls Update for each message and View after it.
// What takes time is done by commands, in goroutines of their own, which send a message when they are done.
type model struct {
	ctx      context.Context
	goinit   Goinit
	interval time.Duration
	unicode  bool
	root     string // where /proc and /sys are

	width, height int
	columns       []*column

	reading  Reading
	readings int
	machine  Machine
	lost     error     // why goinit does not answer; nil: it does
	lostAt   time.Time // since when
	uses     map[string]*use
	turn     int // whose details are asked for next, of those that are not on the screen

	rows       []*item
	selected   int
	offset     int // of the first row on the screen
	grouped    bool
	folded     map[string]bool // apps
	sortBy     string          // title of a column
	descending bool
	filter     string

	happening happening
	events    *tail
	eventsOn  bool
	lastEvent time.Time
	log       *tail
	logOf     string             // whose log is followed; empty: nobody's
	logEnd    context.CancelFunc // ends the following
	logTurn   int                // counts the changes of whom to follow
	showLog   bool
	showEvent bool
	zoomed    bool  // the panes, where there are any, have all of the window
	past      *past // what is shown of the log; nil: its end

	prompt  *prompt // a line that is being typed
	asked   *asked  // a question that is to be answered with y
	page    *page   // a text over the table: help, or what went wrong
	status  string  // the last outcome
	pending int     // orders under way
}

func newModel(ctx context.Context, g Goinit, first Reading, o Options) *model {
	m := &model{
		ctx: ctx, goinit: g, interval: o.Interval, unicode: o.Unicode, root: "/",
		width: 80, height: 24, columns: columns(), reading: first, uses: make(map[string]*use), grouped: true,
		folded: make(map[string]bool), sortBy: "WORKER", events: newTail(), showLog: true,
	}
	m.machine = readMachine(m.root, Machine{})
	m.foldMany()
	m.measure()
	m.arrange()
	return m
}

// foldMany begins with apps instead of workers where there are too many to look at.
func (m *model) foldMany() {
	const many = 40
	apps, _ := m.group()
	if len(m.reading.Workers) <= many || len(apps) < 2 {
		return
	}
	for _, app := range apps {
		m.folded[app.app] = true
	}
}

// Messages.
type (
	readMsg struct {
		reading Reading
		machine Machine
		err     error
	}
	tickMsg  struct{}
	eventMsg struct {
		event control.Event
		next  tea.Cmd
	}
	eventsEnd struct{}
	linesMsg  struct{ of *tail } // there are new ones
	settleMsg struct{ turn int } // the selection has not moved for a moment
	logEndMsg struct {
		turn int
		err  error
	}
	doneMsg struct {
		order   Order
		outcome string
		err     error
	}
)

func (m *model) Init() tea.Cmd {
	return tea.Batch(m.tick(), m.followEvents(), m.selectLog(), wake(m.events))
}

func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.keepInSight()
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt.insert(msg.Content)
			m.prompted()
		}
	case tea.MouseClickMsg:
		return m, m.click(msg.Mouse())
	case tea.MouseWheelMsg:
		return m, m.wheel(msg.Mouse())
	case tickMsg:
		return m, m.look()
	case readMsg:
		return m, m.read(msg)
	case eventMsg:
		m.happened(&msg.event)
		return m, msg.next
	case eventsEnd:
		m.eventsOn = false // begun anew after the next reading
	case settleMsg:
		if msg.turn == m.logTurn {
			return m, m.followLog()
		}
	case linesMsg:
		if msg.of == m.log || msg.of == m.events {
			return m, wake(msg.of)
		}
	case logEndMsg:
		if msg.turn == m.logTurn {
			m.logEnded(msg.err)
		}
	case doneMsg:
		m.done(msg)
	}
	return m, nil
}

func (m *model) tick() tea.Cmd {
	return tea.Tick(m.interval, func(time.Time) tea.Msg { return tickMsg{} })
}

// look asks goinit, and looks at the machine. The next one is asked for when this one has been answered.
func (m *model) look() tea.Cmd {
	details, before := m.details(), m.machine
	return func() tea.Msg {
		r, err := m.goinit.Look(m.ctx, details)
		return readMsg{r, readMachine(m.root, before), err}
	}
}

func (m *model) read(msg readMsg) tea.Cmd {
	m.machine = msg.machine
	if msg.err != nil {
		if m.lost == nil {
			m.lostAt = time.Now()
		}
		m.lost = msg.err
		return m.tick()
	}
	back := m.lost != nil
	m.lost = nil
	if !msg.reading.Info.StartedAt.Equal(m.reading.Info.StartedAt) { // another goinit, whose events are others
		m.happening, m.lastEvent = happening{}, time.Time{}
	}
	m.reading = msg.reading
	key := m.key()
	m.measure()
	m.arrange()
	m.find(key)
	cmds := []tea.Cmd{m.tick()}
	if !m.eventsOn {
		cmds = append(cmds, m.followEvents())
	}
	if back || m.logOf != m.wanted() {
		cmds = append(cmds, m.selectLog())
	}
	return tea.Batch(cmds...)
}

// followEvents goes on where it ended, if it did.
func (m *model) followEvents() tea.Cmd {
	m.eventsOn = true
	since := m.lastEvent
	if since.IsZero() {
		since = m.reading.At.Add(-time.Hour)
	}
	events := make(chan control.Event)
	go func() {
		defer close(events)
		_ = m.goinit.Events(m.ctx, since.Add(1), func(e control.Event) {
			select {
			case events <- e:
			case <-m.ctx.Done():
			}
		})
	}()
	return nextEvent(events)
}

// nextEvent hands over one event, and after that the next: so they keep their order.
func nextEvent(from <-chan control.Event) tea.Cmd {
	return func() tea.Msg {
		e, ok := <-from
		if !ok {
			return eventsEnd{}
		}
		return eventMsg{e, nextEvent(from)}
	}
}

// wake waits until a pane has something new. A flood is shown ten times a second.
func wake(t *tail) tea.Cmd {
	const pace = time.Second / 10
	return func() tea.Msg {
		select {
		case <-t.changed:
		case <-t.closed:
			return nil
		}
		time.Sleep(pace)
		return linesMsg{t}
	}
}

// wanted is whose log is to be seen.
func (m *model) wanted() string {
	if i := m.current(); i != nil && m.panes().log > 0 {
		return i.target
	}
	return ""
}

// selectLog follows another's log, when the selection rests on it.
func (m *model) selectLog() tea.Cmd {
	const rest = 150 * time.Millisecond
	m.endLog()
	m.logOf = m.wanted()
	if m.logOf == "" {
		return nil
	}
	turn := m.logTurn
	return tea.Tick(rest, func(time.Time) tea.Msg { return settleMsg{turn} })
}

func (m *model) endLog() {
	m.logTurn++
	m.past = nil
	if m.logEnd != nil {
		m.logEnd()
		m.logEnd = nil
	}
	if m.log != nil {
		close(m.log.closed)
		m.log = nil
	}
}

func (m *model) followLog() tea.Cmd {
	ctx, cancel := context.WithCancel(m.ctx)
	log, of, turn := newTail(), m.logOf, m.logTurn
	m.log, m.logEnd = log, cancel
	return tea.Batch(wake(log), func() tea.Msg {
		err := m.goinit.Logs(ctx, of, log.add)
		return logEndMsg{turn, err}
	})
}

// logEnded says in the pane why nothing more comes.
func (m *model) logEnded(err error) {
	if err != nil && m.log != nil {
		for _, line := range lines(err.Error()) {
			m.log.add("(" + line + ")")
		}
	}
}

// done is the end of an order. A failure is shown until somebody has read it.
func (m *model) done(msg doneMsg) {
	m.pending--
	what := msg.order.String()
	if msg.err == nil {
		m.status = what + ": " + msg.outcome
		return
	}
	m.status = what + " failed"
	m.page = &page{title: m.status, lines: lines(msg.err.Error())}
}

// happened enters an event into its pane, and into what is said of what is going on.
func (m *model) happened(e *control.Event) {
	if e.At.After(m.lastEvent) {
		m.lastEvent = e.At
	}
	m.happening.take(e)
	m.events.add(fmt.Sprintf("%s %-10s %s%s", e.At.Local().Format("15:04:05"), human.EventName(e), e.Type, human.EventData(e)))
}

func (m *model) current() *item {
	if m.selected < 0 || m.selected >= len(m.rows) {
		return nil
	}
	return m.rows[m.selected]
}

func (m *model) key() string {
	if i := m.current(); i != nil {
		return i.key
	}
	return ""
}

// find selects the row of this key, or the one that stands in its place now.
func (m *model) find(key string) {
	for n, i := range m.rows {
		if i.key == key {
			m.selected = n
		}
	}
	m.keepInSight()
}

func (m *model) keepInSight() {
	m.selected = max(0, min(m.selected, len(m.rows)-1))
	height := m.panes().rows
	m.offset = min(m.offset, m.selected)
	m.offset = max(m.offset, m.selected-height+1, 0)
	m.offset = max(0, min(m.offset, len(m.rows)-height))
}

func (m *model) visible() []*item {
	height := m.panes().rows
	start := min(m.offset, len(m.rows))
	return m.rows[start:min(len(m.rows), start+height)]
}
