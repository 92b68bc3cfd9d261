package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"seamark/internal/admin"
)

func statusCommand() *cobra.Command {
	var dataDir string
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how the instance is and what it runs",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := findInstance(dataDir)
			if err != nil {
				return err
			}
			s, err := f.admin().Status(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(c.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			return printStatus(c.OutOrStdout(), s)
		},
	}
	dataDirFlag(c, &dataDir)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printStatus(out io.Writer, s admin.Status) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "instance\t%s (%s, %s fidelity)\n", s.InstanceID, s.Runtime, s.Fidelity)
	fmt.Fprintf(w, "endpoint\t%s\n", s.Endpoint)
	fmt.Fprintf(w, "process\t%d, up %s\n", s.PID, time.Since(s.StartedAt).Round(time.Second))
	if s.DataPlane != nil {
		fmt.Fprintf(w, "data plane\t%d, up %s\n", s.DataPlane.PID, time.Since(s.DataPlane.StartedAt).Round(time.Second))
	}
	if s.Engine != nil {
		fmt.Fprintf(w, "engine\t%d\n", s.Engine.PID)
	}
	fmt.Fprintf(w, "data\t%s\n", s.DataDir)
	fmt.Fprintf(w, "revision\t%d, served by DNS: %d\n", s.Revision, s.Applied)
	if s.Refusing != "" {
		fmt.Fprintf(w, "REFUSING CHANGES\t%s\n", s.Refusing)
	}
	for _, r := range s.Resolvers {
		fmt.Fprintf(w, "resolver\t%s at %v, %d queries %s\n", r.VPC, r.Bound, r.Queries, r.Failed)
		for _, e := range r.Inbound {
			fmt.Fprintf(w, "inbound\t%s at %v\n", e.ID, e.Bound)
		}
	}
	if len(s.Tasks) > 0 {
		fmt.Fprintln(w, "\nTASK\tCLUSTER\tSERVICE\tSTATUS\tADDRESS\tPIDS")
		for _, t := range s.Tasks {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%v\n", t.ID, t.Cluster, t.Service, t.Status, t.Address, t.PIDs)
		}
	}
	return w.Flush()
}
