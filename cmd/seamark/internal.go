package main

import (
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"seamark/internal/dataplane"
)

// runInternal runs the commands that Seamark starts itself. They are no part of
// the command line that users see, and are recognised before it is built, so
// that they start fast and stay small.
func runInternal(args []string, stderr io.Writer) (done bool, err error) {
	if len(args) == 0 {
		return false, nil
	}
	if args[0] == "dataplane" {
		return true, runDataPlane(args[1:], stderr)
	}
	return runInContainer(args)
}

func runDataPlane(args []string, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f := flag.NewFlagSet("dataplane", flag.ContinueOnError)
	f.SetOutput(stderr)
	socket := f.String("socket", "", "unix socket to listen on")
	runDir := f.String("run-dir", "", "directory of the last snapshot")
	if err := f.Parse(args); err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return dataplane.Run(ctx, dataplane.Options{Socket: *socket, RunDir: *runDir, Logger: logger})
}
