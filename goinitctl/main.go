// Command goinitctl is the client of goinit, run by goinit ctl. What it does lives in package ctl.
package main

import (
	"os"

	"goinit/ctl"
)

// Set by build.sh.
var (
	version = "0.1.0-dev"
	commit  = "unknown"
)

func main() {
	os.Exit(ctl.Main(os.Args[1:], ctl.Build{Version: version, Commit: commit}))
}
