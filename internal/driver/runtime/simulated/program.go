package simulated

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"seamark/internal/driver/runtime"
)

// killedCode is the exit code of a process that SIGKILL ended, and
// stoppedCode that of one that SIGTERM ended.
const (
	killedCode  = 128 + int32(syscall.SIGKILL)
	stoppedCode = 128 + int32(syscall.SIGTERM)
)

// Program is what a container does. The zero value ends with 0 by the stop
// signal and runs until then.
type Program struct {
	Ends       bool          // it ends by itself
	RunFor     time.Duration // when Ends
	ExitCode   int32         // when Ends
	OOM        bool          // when Ends: for want of memory
	StopCode   int32         // exit code when the stop signal ends it
	StopTakes  time.Duration
	IgnoreStop bool
	StartTakes time.Duration
	StartError string
	// ListensAfter is how long after its start it listens on its ports.
	ListensAfter time.Duration
	Exec         []int32 // exit codes of commands; the last one stays
	ExecTakes    time.Duration
}

// Names of the settings, in the form of labels.
const (
	labelPrefix = "seamark.sim/"
	envPrefix   = "SEAMARK_SIM_"
)

// programOf reads a container's labels and environment.
func programOf(c runtime.Container) (Program, error) {
	p := Program{StopCode: stoppedCode}
	settings := map[string]string{}
	for k, v := range c.Labels {
		if name, ok := strings.CutPrefix(k, labelPrefix); ok {
			settings[name] = v
		}
	}
	for _, kv := range c.Env {
		k, v, _ := strings.Cut(kv, "=")
		if name, ok := strings.CutPrefix(k, envPrefix); ok {
			settings[strings.ReplaceAll(strings.ToLower(name), "_", "-")] = v
		}
	}
	for name, value := range settings {
		if err := p.set(name, value); err != nil {
			return Program{}, fmt.Errorf("simulated container: %s=%s: %w", name, value, err)
		}
	}
	if _, ends := settings["exit-code"]; ends || p.OOM {
		p.Ends = true
	}
	return p, nil
}

func (p *Program) set(name, value string) (err error) {
	switch name {
	case "run-for":
		p.Ends = true
		p.RunFor, err = time.ParseDuration(value)
	case "exit-code":
		p.ExitCode, err = exitCode(value)
	case "oom":
		p.OOM, err = strconv.ParseBool(value)
	case "stop-code":
		p.StopCode, err = exitCode(value)
	case "stop-takes":
		p.StopTakes, err = time.ParseDuration(value)
	case "ignore-stop":
		p.IgnoreStop, err = strconv.ParseBool(value)
	case "start-takes":
		p.StartTakes, err = time.ParseDuration(value)
	case "listens-after":
		p.ListensAfter, err = time.ParseDuration(value)
	case "start-error":
		p.StartError = value
	case "exec":
		for text := range strings.SplitSeq(value, ",") {
			code, err := exitCode(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			p.Exec = append(p.Exec, code)
		}
	case "exec-takes":
		p.ExecTakes, err = time.ParseDuration(value)
	default:
		return fmt.Errorf("no such setting")
	}
	return err
}

func exitCode(text string) (int32, error) {
	n, err := strconv.ParseUint(text, 10, 8)
	return int32(n), err
}
