// Command gen writes what is generated from the table of keys: the JSON Schema and the reference page. Run it by
// go generate ./spec/compile; a test tells when that was forgotten.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"goinit/spec/compile"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: gen FOLDER")
	}
	schema, err := compile.Schema()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(args[0], "goinit.schema.json"), schema, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(args[0], "reference.md"), compile.Page(), 0o644)
}
