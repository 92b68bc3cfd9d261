package servicediscovery

import (
	"seamark/internal/plan"
	"seamark/internal/world"
)

// token is a request id (CreatorRequestId, UpdaterRequestId), which makes a
// repeated request answer with what the first one made.
type token struct {
	Operation, Token string
	Of               any // the request's parameters
}

// seen returns what the first request with this token made, and whether its
// parameters were the same. Nothing: this is the first.
func (t token) seen(w world.World) (result string, same bool) {
	if t.Token == "" {
		return "", false
	}
	was := w.Tokens.Get(t.Operation + "/" + t.Token)
	if was == nil {
		return "", false
	}
	return was.Results[0], was.Fingerprint == world.Fingerprint(t.Of)
}

// operation returns the operation that the first request with this token
// started. The token with other parameters is a DuplicateRequest.
func (t token) operation(w world.World) (string, error) {
	id, same := t.seen(w)
	if id != "" && !same {
		return "", ErrDuplicateRequest("A request with the same request ID and other parameters was made.").With("DuplicateOperationId", id)
	}
	return id, nil
}

func (t token) remember(d *plan.Draft, result string) {
	if t.Token != "" {
		d.Put(&world.Token{Operation: t.Operation, Token: t.Token, Fingerprint: world.Fingerprint(t.Of), Results: []string{result}, CreatedAt: d.Now})
	}
}
