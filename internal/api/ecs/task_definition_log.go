package ecs

import (
	"maps"
	"slices"
	"strings"
)

func logDriver(c *ContainerDefinition) string {
	if c.LogConfiguration == nil {
		return ""
	}
	return val(c.LogConfiguration.LogDriver)
}

// checkLog checks the options of awslogs, the log driver that is built.
func (r *registration) checkLog(c *ContainerDefinition) error {
	if logDriver(c) != LogDriverAwslogs {
		return nil
	}
	options := c.LogConfiguration.Options
	var lacking []string
	for _, name := range []string{"awslogs-region", "awslogs-group"} {
		if options[name] == "" {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		return refuse("Log driver awslogs requires options: %s", strings.Join(lacking, ", "))
	}
	var foreign []string
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if !slices.Contains(awslogsOptions(), name) {
			foreign = append(foreign, name)
		}
	}
	if len(foreign) > 0 {
		return refuse("Log driver awslogs disallows options: %s", strings.Join(foreign, ", "))
	}
	return r.checkLogValues(options)
}

// awslogsOptions are those that ECS lets through (ECS developer guide, "Send
// Amazon ECS logs to CloudWatch").
func awslogsOptions() []string {
	return []string{
		"awslogs-create-group", "awslogs-datetime-format", "awslogs-endpoint", "awslogs-group",
		"awslogs-multiline-pattern", "awslogs-region", "awslogs-stream-prefix", "max-buffer-size", "mode", "tag",
	}
}

func (r *registration) checkLogValues(options map[string]string) error {
	for _, name := range []string{"awslogs-datetime-format", "awslogs-multiline-pattern", "awslogs-endpoint", "tag"} {
		if options[name] != "" {
			return notBuilt("Option " + name + " of log driver awslogs")
		}
	}
	create, mode := options["awslogs-create-group"], options["mode"]
	switch {
	case create != "" && create != "true" && create != "false":
		return refuse("Invalid value '%s' for option awslogs-create-group of log driver awslogs.", create)
	case mode != "" && mode != "blocking" && mode != "non-blocking":
		return refuse("Invalid value '%s' for option mode of log driver awslogs.", mode)
	case !matches(`^[.\-_/#A-Za-z0-9]{1,512}$`, options["awslogs-group"]):
		return refuse("Invalid value '%s' for option awslogs-group of log driver awslogs.", options["awslogs-group"])
	case strings.ContainsAny(options["awslogs-stream-prefix"], ":*"):
		return refuse("Invalid value '%s' for option awslogs-stream-prefix of log driver awslogs.", options["awslogs-stream-prefix"])
	case options["awslogs-region"] != r.region:
		return notBuilt("Option awslogs-region of log driver awslogs with another Region than " + r.region)
	}
	return nil
}
