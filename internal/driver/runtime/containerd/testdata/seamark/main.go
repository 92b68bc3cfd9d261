// Command seamark stands in for the real one in the tests of this package: it
// has the two subcommands that containers need.
package main

import (
	"os"

	"seamark/internal/initproc"
	"seamark/internal/logdriver"
)

func main() {
	if len(os.Args) < 2 {
		os.Exit(64)
	}
	switch os.Args[1] {
	case logdriver.Command:
		os.Exit(logdriver.Run(os.Args[2:]))
	case initproc.Command:
		os.Exit(initproc.Run(os.Args[2:]))
	}
	os.Exit(64)
}
