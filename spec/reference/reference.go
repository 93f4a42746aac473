// Package reference holds the specs that goinit ctl init prints. It is a package of its own, so that PID 1, which links
// package spec, does not carry them.
package reference

import _ "embed"

//go:embed reference.yaml
var full string

//go:embed minimal.yaml
var minimal string

// Full is every key with its default.
func Full() string { return full }

// Minimal is four lines that are a whole spec.
func Minimal() string { return minimal }
