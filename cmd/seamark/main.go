// Seamark is ECS with service discovery that you run yourself: one binary that
// speaks the AWS APIs and does the real thing behind them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "devel"

func main() {
	// The main thread stays with this goroutine: a thread that was moved into
	// another network namespace must be able to die, and the main one cannot.
	runtime.LockOSThread()
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if code, ok := errors.AsType[exitCode](err); ok {
			os.Exit(int(code))
		}
		fmt.Fprintln(os.Stderr, "seamark:", err)
		os.Exit(1)
	}
}

// exitCode ends the process with a code and without a message.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

func run(args []string, stdout, stderr io.Writer) error {
	if done, err := runInternal(args, stderr); done {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := command(stdout, stderr)
	c.SetArgs(args)
	return c.ExecuteContext(ctx)
}

// command is the command line.
func command(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "seamark",
		Short:         "ECS with service discovery that you run yourself",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(upCommand(), downCommand(), envCommand(), inCommand(), forwardCommand(), guideCommand(), imageCommand(), statusCommand())
	return root
}
