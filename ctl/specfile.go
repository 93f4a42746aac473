package ctl

import (
	"fmt"
	"os"
	"strings"
)

// specCandidates are the places where a spec is looked for, the working directory first, for a person stands in it. PID 1 has
// its own order.
func specCandidates() []string {
	all := []string{"goinit.yaml", "Procfile", "/etc/goinit/goinit.yaml"}
	if path := os.Getenv("GOINIT_SPEC"); path != "" {
		all = append([]string{path}, all...)
	}
	return all
}

// findSpec is the file of -f, or the first that there is.
func findSpec(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	for _, path := range specCandidates() {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no spec\n  looked for: %s\n  a first one: goinit ctl init --minimal > goinit.yaml", strings.Join(specCandidates(), ", "))
}
