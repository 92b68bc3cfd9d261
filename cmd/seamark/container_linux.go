package main

import (
	"seamark/internal/initproc"
	"seamark/internal/logdriver"
)

// runInContainer runs what belongs to one container: its logger and its init.
func runInContainer(args []string) (done bool, err error) {
	switch args[0] {
	case "logger":
		return true, status(logdriver.Run(args[1:]))
	case "init":
		return true, status(initproc.Run(args[1:]))
	}
	return false, nil
}

func status(code int) error {
	if code == 0 {
		return nil
	}
	return exitCode(code)
}
