package top

import (
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// prompt is a line that is being typed.
type prompt struct {
	label  string
	text   string
	typed  func(text string)                  // after each key; may be nil
	enter  func(text string) (tea.Cmd, error) // an error keeps the prompt
	escape func()                             // may be nil
	wrong  string                             // what was wrong with it
}

const promptMost = 64 // bytes

func (p *prompt) insert(text string) {
	for _, r := range text {
		if r >= ' ' && r < 0x7f && len(p.text) < promptMost {
			p.text += string(r)
		}
	}
}

// pressPrompt is what a key does while one types.
func (m *model) pressPrompt(key tea.KeyPressMsg) tea.Cmd {
	p := m.prompt
	p.wrong = ""
	switch key.String() {
	case "enter":
		m.prompt = nil
		cmd, err := p.enter(p.text)
		if err != nil {
			p.wrong = err.Error()
			m.prompt = p
		}
		return cmd
	case "esc", "ctrl+c", "ctrl+g":
		m.prompt = nil
		if p.escape != nil {
			p.escape()
		}
		return nil
	case "backspace", "ctrl+h":
		_, n := utf8.DecodeLastRuneInString(p.text)
		p.text = p.text[:len(p.text)-n]
	case "ctrl+u":
		p.text = ""
	default:
		p.insert(key.Text)
	}
	m.prompted()
	return nil
}

func (m *model) prompted() {
	if m.prompt.typed != nil {
		m.prompt.typed(m.prompt.text)
	}
}

// askFilter filters while one types.
func (m *model) askFilter() tea.Cmd {
	before := m.filter
	set := func(text string) {
		key := m.key()
		m.filter = text
		m.arrange()
		m.find(key)
	}
	m.prompt = &prompt{label: "/", text: m.filter, typed: set, escape: func() { set(before) },
		enter: func(string) (tea.Cmd, error) { return m.reselected(), nil }}
	return nil
}
