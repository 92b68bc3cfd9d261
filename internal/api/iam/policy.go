package iam

import (
	"encoding/json"
	"net/url"
	"strings"
)

// statement is one of a trust policy. Of its members only their being there is
// checked: nothing evaluates them yet.
type statement struct {
	Effect                                                          string
	Principal, NotPrincipal, Action, NotAction, Resource, Condition json.RawMessage
}

// checkPolicy refuses what is no trust policy.
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
	list := []statement{{}}
	if err := json.Unmarshal(p.Statement, &list[0]); err != nil { // one by itself needs no list
		if err := json.Unmarshal(p.Statement, &list); err != nil {
			return ErrMalformedPolicyDocumentException("Syntax errors in policy.")
		}
	}
	if len(list) == 0 {
		return ErrMalformedPolicyDocumentException("Syntax errors in policy.")
	}
	for _, s := range list {
		if err := s.check(); err != nil {
			return err
		}
	}
	return nil
}

func (s statement) check() error {
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return ErrMalformedPolicyDocumentException("Missing required field Effect")
	case s.Principal == nil && s.NotPrincipal == nil:
		return ErrMalformedPolicyDocumentException("Missing required field Principal")
	case s.Action == nil && s.NotAction == nil:
		return ErrMalformedPolicyDocumentException("Missing required field Action")
	case s.Resource != nil:
		return ErrMalformedPolicyDocumentException("Has prohibited field Resource")
	}
	return nil
}

// checkManaged refuses what is no managed policy of AWS's. Those cannot be told
// from names that AWS does not have, and are all taken; policies of one's own
// cannot be made yet.
func checkManaged(arn string) error {
	switch {
	case !strings.HasPrefix(arn, "arn:aws:iam::") || !strings.Contains(arn, ":policy/") || policyName(arn) == "":
		return ErrInvalidInputException("ARN " + arn + " is not valid.")
	case !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/"):
		return ErrNoSuchEntityException("Policy " + arn + " does not exist or is not attachable.")
	}
	return nil
}

// policyPath is the path of a policy: "/service-role/" of
// arn:aws:iam::aws:policy/service-role/X.
func policyPath(arn string) string {
	_, rest, _ := strings.Cut(arn, ":policy")
	return rest[:strings.LastIndex(rest, "/")+1]
}

// encode writes a document as IAM does, by RFC 3986.
func encode(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// policyName is the last part of a policy's ARN.
func policyName(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
