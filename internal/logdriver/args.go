package logdriver

import (
	"fmt"
	"net/url"
	"strconv"
)

// Command is the name of the subcommand that runs Run.
const Command = "logger"

// URI is what containerd is told: run binary's logger into dir. maxBytes
// bounds what is kept; 0 is the default of package telemetry/logs.
//
// The shim makes arguments of the URI's query, each key followed by its value,
// in the random order of a Go map. One key is therefore all that there is: the
// subcommand, whose value holds the settings.
func URI(binary, dir string, maxBytes int64) string {
	settings := url.Values{"dir": {dir}}
	if maxBytes > 0 {
		settings.Set("max-bytes", strconv.FormatInt(maxBytes, 10))
	}
	u := url.URL{Scheme: "binary", Path: binary, RawQuery: url.Values{Command: {settings.Encode()}}.Encode()}
	return u.String()
}

// parse reads what URI wrote, as it arrives in the process's arguments.
func parse(args []string) (dir string, maxBytes int64, err error) {
	if len(args) != 1 {
		return "", 0, fmt.Errorf("%d arguments; containerd starts this with one, such as dir=/var/log/x", len(args))
	}
	settings, err := url.ParseQuery(args[0])
	if err != nil {
		return "", 0, err
	}
	if dir = settings.Get("dir"); dir == "" {
		return "", 0, fmt.Errorf("no dir in %q", args[0])
	}
	if text := settings.Get("max-bytes"); text != "" {
		maxBytes, err = strconv.ParseInt(text, 10, 64)
	}
	return dir, maxBytes, err
}
