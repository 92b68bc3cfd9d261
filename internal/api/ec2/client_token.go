package ec2

import (
	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/world"
)

// maxClientToken is the most characters of a client token (EC2 API reference,
// "Ensuring idempotency").
const maxClientToken = 64

// clientToken makes a repeated request answer with what the first one made.
type clientToken struct {
	token, operation, fingerprint string
}

// newClientToken reads a request's token. params are the request without its
// token and without DryRun.
func newClientToken(token *string, operation string, params any) (clientToken, error) {
	t := clientToken{token: optional.Value(token), operation: "ec2:" + operation}
	if t.token == "" {
		return t, nil
	}
	if len(t.token) > maxClientToken {
		return t, fail("InvalidParameterValue", "Value (%s) for parameter clientToken is invalid. Expecting at most %d characters.", t.token, maxClientToken)
	}
	t.fingerprint = world.Fingerprint(params)
	return t, nil
}

// made are the ids that the first request with this token made, or nil.
func (t clientToken) made(w world.World) []string {
	if seen := w.Tokens.Get(t.operation + "/" + t.token); seen != nil && t.token != "" {
		return seen.Results
	}
	return nil
}

// same refuses a token that comes again with other parameters.
func (t clientToken) same(w world.World) error {
	if seen := w.Tokens.Get(t.operation + "/" + t.token); seen != nil && seen.Fingerprint != t.fingerprint {
		return fail("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	}
	return nil
}

func (t clientToken) remember(d *plan.Draft, ids []string) {
	if t.token != "" {
		d.Put(&world.Token{Operation: t.operation, Token: t.token, Fingerprint: t.fingerprint, Results: ids, CreatedAt: d.Now})
	}
}
