package main

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func imageCommand() *cobra.Command {
	c := &cobra.Command{Use: "image", Short: "Local container images"}
	c.AddCommand(imageLoadCommand(), imageListCommand())
	return c
}

func imageLoadCommand() *cobra.Command {
	var dataDir string
	c := &cobra.Command{
		Use:   "load FILE...",
		Short: "Import OCI or Docker archives",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := findInstance(dataDir)
			if err != nil {
				return err
			}
			for _, file := range args {
				path, err := filepath.Abs(file)
				if err != nil {
					return err
				}
				names, err := f.admin().LoadImage(c.Context(), path)
				if err != nil {
					return fmt.Errorf("%s: %w", file, err)
				}
				for _, name := range names {
					fmt.Fprintln(c.OutOrStdout(), "loaded", name)
				}
			}
			return nil
		},
	}
	dataDirFlag(c, &dataDir)
	return c
}

func imageListCommand() *cobra.Command {
	var dataDir string
	c := &cobra.Command{
		Use:   "ls",
		Short: "List local images",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := findInstance(dataDir)
			if err != nil {
				return err
			}
			images, err := f.admin().Images(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "IMAGE\tDIGEST\tSIZE")
			for _, i := range images {
				fmt.Fprintf(w, "%s\t%.19s\t%.1f MB\n", i.Name, i.Digest, float64(i.Size)/1e6)
			}
			return w.Flush()
		},
	}
	dataDirFlag(c, &dataDir)
	return c
}
