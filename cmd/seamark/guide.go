package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func guideCommand() *cobra.Command {
	return &cobra.Command{Use: "guide", RunE: func(*cobra.Command, []string) error { return errors.New("not written yet") }}
}
