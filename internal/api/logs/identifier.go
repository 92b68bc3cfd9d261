package logs

import (
	"strings"

	"seamark/internal/world"
)

// arn is a group's ARN as tags and logGroupArn have it. The arn of a described
// group ends with ":*" in addition.
func (s *Server) arn(group string) string {
	return s.cfg.Scope.ARN("logs", "log-group:"+group)
}

// groupOfARN returns the group's name in an ARN of this scope.
func groupOfARN(scope world.Scope, arn string) (string, bool) {
	name, ok := strings.CutPrefix(arn, scope.ARN("logs", "log-group:"))
	return strings.TrimSuffix(name, ":*"), ok
}

// named returns the group that a request names by name or by identifier, which
// is a name or an ARN.
func (s *Server) named(name, identifier *string) (*world.LogGroup, error) {
	switch {
	case name != nil && identifier != nil:
		return nil, invalid("logGroupName and logGroupIdentifier are mutually exclusive parameters.")
	case name != nil:
		return s.group(*name)
	case identifier == nil:
		return nil, invalid("Either logGroupName or logGroupIdentifier must be specified.")
	case !strings.HasPrefix(*identifier, "arn:"):
		return s.group(*identifier)
	}
	group, ok := groupOfARN(s.cfg.Scope, *identifier)
	if !ok {
		return nil, errNoGroup()
	}
	return s.group(group)
}
