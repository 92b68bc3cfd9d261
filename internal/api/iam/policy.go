package iam

import (
	"encoding/json"
	"strings"
)

// checkPolicy refuses what is no policy document. Its statements are not
// evaluated yet.
func checkPolicy(document string) error {
	var p struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return ErrMalformedPolicyDocumentException("This policy contains invalid Json")
	}
	if p.Version != "" && p.Version != "2012-10-17" && p.Version != "2008-10-17" {
		return ErrMalformedPolicyDocumentException("The policy must contain a valid version string")
	}
	if len(p.Statement) == 0 {
		return ErrMalformedPolicyDocumentException("Syntax errors in policy.")
	}
	return nil
}

// policyName is the last part of a policy's ARN.
func policyName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
