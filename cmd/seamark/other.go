//go:build !linux

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// errLinux: what needs network namespaces.
var errLinux = errors.New("this command needs Linux")

func inCommand() *cobra.Command { return linuxOnly("in TARGET -- COMMAND [ARG...]") }

func forwardCommand() *cobra.Command { return linuxOnly("forward TARGET LOCAL:REMOTE") }

func downCommand() *cobra.Command { return linuxOnly("down") }

func linuxOnly(use string) *cobra.Command {
	return &cobra.Command{Use: use, Short: "(Linux only)", RunE: func(*cobra.Command, []string) error { return errLinux }}
}

// runInContainer has nothing to run: there are no containers.
func runInContainer([]string) (done bool, err error) { return false, nil }
