package servicediscovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// newOperation records an asynchronous job. Its work is part of the same
// transaction; it is a SUCCESS once the resolver serves that.
func newOperation(d *plan.Draft, kind string, targets map[string]string) *world.Operation {
	op := &world.Operation{
		ID: world.OperationID(d.Draw.Base32(32) + "-" + d.Draw.Base32(8)), Type: kind, Targets: targets,
		Revision: d.Revision, CreatedAt: d.Now,
	}
	d.Put(op)
	return op
}

// statusOf is an operation's status, given what the resolver serves.
func (s *Server) statusOf(o *world.Operation) string {
	switch {
	case o.ErrorCode != "":
		return OperationStatusFail
	case s.cfg.Changes.Applied != nil && s.cfg.Changes.Applied() < o.Revision:
		return OperationStatusPending
	}
	return OperationStatusSuccess
}

// GetOperation shows an asynchronous job.
func (s *Server) GetOperation(_ context.Context, in *GetOperationInput) (*GetOperationOutput, error) {
	o := s.cfg.Changes.View().Operations.Get(*in.OperationId)
	if o == nil {
		return nil, ErrOperationNotFound("Can't find an operation with ID " + *in.OperationId + ".")
	}
	return &GetOperationOutput{Operation: &Operation{
		Id: new(string(o.ID)), Type: &o.Type, Status: new(s.statusOf(o)), Targets: o.Targets, OwnerAccount: &s.cfg.Scope.Account,
		ErrorCode: optional(o.ErrorCode), ErrorMessage: optional(o.ErrorMessage),
		CreateDate: wire.At(o.CreatedAt), UpdateDate: wire.At(o.CreatedAt),
	}}, nil
}

// ListOperations lists jobs by id and status.
func (s *Server) ListOperations(_ context.Context, in *ListOperationsInput) (*ListOperationsOutput, error) {
	var filters []filter
	for _, f := range in.Filters {
		filters = append(filters, filter{f.Name, f.Condition, f.Values})
	}
	kinds := map[string][]string{"NAMESPACE_ID": {"EQ"}, "SERVICE_ID": {"EQ"}, "STATUS": {"EQ", "IN"}, "TYPE": {"EQ", "IN"}, "UPDATE_DATE": {"BETWEEN"}}
	if err := checkFilters(filters, kinds); err != nil {
		return nil, err
	}
	cut, next, err := cutRows(s.cfg.Changes.View().Operations.All(), in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListOperationsOutput{Operations: []OperationSummary{}, NextToken: next}
	for _, o := range cut {
		of := map[string]string{
			"NAMESPACE_ID": o.Targets["NAMESPACE"], "SERVICE_ID": o.Targets["SERVICE"], "STATUS": s.statusOf(o), "TYPE": o.Type,
			"UPDATE_DATE": epoch(o.CreatedAt),
		}
		if allMatch(filters, of) {
			out.Operations = append(out.Operations, OperationSummary{Id: new(string(o.ID)), Status: new(s.statusOf(o))})
		}
	}
	return out, nil
}

// token is a CreatorRequestId, which makes a repeated request answer with what
// the first one made.
type token struct {
	Operation, Token string
	Of               any // the request's parameters
}

// known returns what the first request with this token made. The token with
// other parameters is a DuplicateRequest.
func (t token) known(w world.World) (string, error) {
	if t.Token == "" {
		return "", nil
	}
	seen := w.Tokens.Get(t.Operation + "/" + t.Token)
	if seen == nil {
		return "", nil
	}
	if seen.Fingerprint != t.fingerprint() {
		return "", ErrDuplicateRequest("Another request with the same CreatorRequestId and other parameters was made.").With("DuplicateOperationId", seen.Results[0])
	}
	return seen.Results[0], nil
}

func (t token) remember(d *plan.Draft, result string) {
	if t.Token != "" {
		d.Put(&world.Token{Operation: t.Operation, Token: t.Token, Fingerprint: t.fingerprint(), Results: []string{result}, CreatedAt: d.Now})
	}
}

func (t token) fingerprint() string {
	b, err := json.Marshal(t.Of)
	if err != nil {
		return err.Error() // a value that does not marshal never does: still the same
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
