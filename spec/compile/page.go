package compile

import (
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
	b.WriteString(pageTail)
	return []byte(b.String())
}

const pageHead = `# Reference of goinit.yaml

<!-- Generated from spec/compile by go generate ./spec/compile. Do not edit. -->

Durations carry a unit (` + "`ms s m h d`" + `), sizes are IEC (` + "`MiB` or `Mi`" + `). ` + "`${VAR}`, `${VAR:-text}`, `${VAR-text}`, `${VAR:?message}`, `${VAR?message}` and `$$`" + `
work in any value and are expanded when goinit starts, after commands are split into words. Keys that begin with ` + "`x-`" + ` are ignored. A key that is
marked *later* is checked, and then refused unless it has its default: its work comes with a later version.

` + "`goinit ctl init`" + ` prints all of it as a file, ` + "`goinit ctl check`" + ` tells every mistake in yours. [goinit.schema.json](goinit.schema.json) is for editors.
`

// rows writes a row a key, those of mappings beneath it by their path. Apps have a table of their own.
func rows(b *strings.Builder, path string, m mapping) {
	for _, k := range m.keys {
		doc := k.doc
		if k.later {
			doc = strings.TrimSuffix("*later*: "+doc, ": ")
		}
		def := ""
		if k.def != "" {
			def = "`" + k.def + "`"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", join(path, k.name), cell(k.kind.String()), def, cell(doc))
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

const pageTail = `
## Rules

**Commands.** A string is split into words at spaces. ` + "`'…'`" + ` keeps everything, ` + "`\"…\"`" + ` everything but ` + "`\\\" \\\\ \\$ \\``" + `, a backslash what follows it. There is
no shell: a bare ` + "`| & ; < > * ` `` or `$NAME`" + ` is an error that says so. References are expanded after the split, so what a variable holds stays one word; in single quotes they are
text. ` + "`shell:`" + ` gives its text to ` + "`/bin/sh -c`" + `, where ` + "`$NAME`" + ` is the shell's and ` + "`${NAME}`" + ` goinit's: write ` + "`$${NAME}`" + ` for the shell's.

**Defaults and includes.** What an app says goes over ` + "`defaults:`" + `: mappings merge, lists and single values replace. Included files have ` + "`apps:`" + ` only, and the same
defaults. YAML's anchors, aliases and merge keys (` + "`<<`" + `) work within a file.

**References.** ` + "`${VAR}`" + ` is empty when VAR is not set, and goinit says so; ` + "`${VAR:-text}`" + ` is then, or when VAR is empty, the text, which may hold references; ` + "`${VAR:?message}`" + ` is then an
error. Without the colon an empty VAR counts as set. A ` + "`$`" + ` before anything but ` + "`{`" + ` and ` + "`$`" + ` is a ` + "`$`" + `.

**env_file.** Compose's format, of which goinit takes:

| line | value |
| --- | --- |
| ` + "`# …`" + `, blank | none |
| ` + "`NAME=value`" + ` | as it is, without spaces around it; ` + "` #`" + ` begins a comment |
| ` + "`export NAME=value`" + ` | the same |
| ` + "`NAME='value'`" + ` | to the closing quote, over line ends too; nothing in it means anything |
| ` + "`NAME=\"value\"`" + ` | to the closing quote, over line ends too; ` + "`\\n \\r \\t \\\\ \\\" \\$`" + ` mean what they mean elsewhere, another ` + "`\\`" + ` is an error |

References are read in all but the single-quoted form: an earlier name of the file first, then goinit's environment. A name twice: the last counts. A name without ` + "`=`" + ` is an
error. The file is read at each start, and may have 1 MiB. A secret's file may have 128 KiB.
`
