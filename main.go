// Command goinit is PID 1 for containers. See README.md; what it does lives in package pid1 (folder init).
package main

import (
	"os"

	pid1 "goinit/init"
)

func main() {
	switch pid1.ModeOf(os.Args) {
	case pid1.RunMode:
		os.Exit(pid1.Run(os.Args))
	case pid1.CtlMode:
		os.Exit(pid1.Ctl(os.Args))
	case pid1.VersionMode:
		os.Exit(pid1.PrintVersion())
	default:
		os.Exit(pid1.Command(os.Args))
	}
}
