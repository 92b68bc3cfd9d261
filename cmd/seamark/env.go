package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func envCommand() *cobra.Command {
	var dataDir string
	c := &cobra.Command{
		Use:   "env",
		Short: "Print shell exports that point the aws CLI and SDKs at this instance",
		Long: `Print shell exports that point the aws CLI and SDKs at this instance:

    eval "$(seamark env)"

When nothing runs, the exports point at a port where nothing listens, with keys
that are no keys, so that no command reaches a real account; the exit code is 1.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f, err := findInstance(dataDir)
			if err != nil {
				f = deadEnd(f)
			}
			fmt.Fprint(c.OutOrStdout(), exports(f, os.Environ()))
			if errors.Is(err, errNotRunning) {
				fmt.Fprintln(c.ErrOrStderr(), "seamark:", err)
				return exitCode(1)
			}
			return err
		},
	}
	dataDirFlag(c, &dataDir)
	return c
}

// deadEnd is a place where no request gets anywhere.
func deadEnd(f clientFile) clientFile {
	f.Endpoint, f.AccessKey, f.Secret = "http://127.0.0.1:9", "seamark-not-running", "seamark-not-running"
	if f.Region == "" {
		f.Region = "us-east-1"
	}
	return f
}

// exports are lines for a POSIX shell. What else would lead a client to another
// account or endpoint is unset.
func exports(f clientFile, environ []string) string {
	var b strings.Builder
	unset := []string{"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"}
	noProxy := ""
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "AWS_ENDPOINT_URL_") {
			unset = append(unset, name)
		}
		if name == "NO_PROXY" || name == "no_proxy" && noProxy == "" {
			noProxy = value
		}
	}
	slices.Sort(unset)
	fmt.Fprintf(&b, "unset %s\n", strings.Join(unset, " "))
	for _, kv := range [][2]string{
		{"AWS_ENDPOINT_URL", f.Endpoint},
		{"AWS_REGION", f.Region},
		{"AWS_DEFAULT_REGION", f.Region},
		{"AWS_ACCESS_KEY_ID", f.AccessKey},
		{"AWS_SECRET_ACCESS_KEY", f.Secret},
		// DiscoverInstances would go to data-127.0.0.1 otherwise.
		{"AWS_DISABLE_HOST_PREFIX_INJECTION", "true"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"NO_PROXY", withLoopback(noProxy)},
		{"no_proxy", withLoopback(noProxy)},
	} {
		fmt.Fprintf(&b, "export %s=%s\n", kv[0], shellQuote(kv[1]))
	}
	return b.String()
}

func withLoopback(list string) string {
	hosts := strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	for _, h := range []string{"127.0.0.1", "localhost"} {
		if !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return strings.Join(hosts, ",")
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
