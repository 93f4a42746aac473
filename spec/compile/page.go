package compile

import (
	_ "embed"
	"fmt"
	"strings"
)

// Page is the reference page, as Markdown: every key, what it takes, its default and what it is.
func Page() []byte {
	var b strings.Builder
	b.WriteString(pageHead)
	table := func(title string, m mapping) {
		fmt.Fprintf(&b, "\n## %s\n\n| key | takes | default | |\n| --- | --- | --- | --- |\n", title)
		rows(&b, "", m)
	}
	table("The file", rootKeys())
	table("An app", appKeys())
	b.WriteString(pageRules)
	return []byte(b.String())
}

// What a table of keys cannot say.
//
//go:embed page_head.md
var pageHead string

//go:embed page_rules.md
var pageRules string

// rows writes a row a key, those of mappings beneath it by their path. Apps have a table of their own.
func rows(b *strings.Builder, path string, m mapping) {
	for _, k := range m.keys {
		def := ""
		if k.def != "" {
			def = "`" + k.def + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", join(path, k.name), cell(k.kind.String()), def, cell(k.doc))
		if sub, placeholder, ok := beneath(k.kind); ok {
			rows(b, join(path, k.name)+placeholder, sub)
		}
	}
}

// cell keeps a | from ending it.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// beneath is the mapping in a kind, and what stands between the key and the mapping's keys.
func beneath(k kind) (m mapping, placeholder string, ok bool) {
	switch k := k.(type) {
	case mapping:
		return k, "", true
	case either:
		if k.mapping != nil {
			return beneath(k.mapping)
		}
	case table:
		m, placeholder, ok = beneath(k.of)
		return m, ".*" + placeholder, ok
	case list:
		m, placeholder, ok = beneath(k.of)
		return m, "[]" + placeholder, ok
	}
	return mapping{}, "", false
}
