package servicediscovery

import (
	"cmp"
	"context"
	"maps"
	"strconv"

	"seamark/internal/api/optional"
	"seamark/internal/plan"
	"seamark/internal/wire"
	"seamark/internal/world"
)

// newOperation records an asynchronous job. Its work is part of the same
// transaction; it is a SUCCESS once the resolver serves that.
func newOperation(d *plan.Draft, kind string, targets map[string]string) *world.Operation {
	return putOperation(d, world.Operation{Type: kind, Targets: targets})
}

// zoneOperation is newOperation for a job that changes a hosted zone, if it does.
func zoneOperation(d *plan.Draft, kind string, targets map[string]string, changes bool) *world.Operation {
	return putOperation(d, world.Operation{Type: kind, Targets: targets, ZoneChange: changes})
}

func putOperation(d *plan.Draft, op world.Operation) *world.Operation {
	op.ID = newOperationID(d)
	op.Revision, op.CreatedAt = d.Revision, d.Now
	op.Namespace = world.NamespaceID(op.Targets["NAMESPACE"])
	if ds := d.World.DiscoveryServices.Get(op.Targets["SERVICE"]); ds != nil {
		op.Namespace = ds.Namespace
	}
	d.Put(&op)
	return &op
}

// inOrder are the digits of Cloud Map's ids in the order in which text sorts.
const inOrder = "234567abcdefghijklmnopqrstuvwxyz"

// newOperationID is an id of AWS's form: 32 digits, "-", and the time in
// milliseconds in base 36, as its examples show. It begins with the time, too: ids
// made one after the other are neighbours in tables, which makes them cheap to enter.
func newOperationID(d *plan.Draft) world.OperationID {
	now := d.Now.UnixMilli()
	b := make([]byte, 9, 48)
	for i, rest := len(b)-1, now; i >= 0; i, rest = i-1, rest/32 {
		b[i] = inOrder[rest%32]
	}
	b = append(append(b, d.Draw.Base32(23)...), '-')
	return world.OperationID(strconv.AppendInt(b, now, 36))
}

// idle says whether no operation of that type on a namespace or service is under
// way; target is the key that operations name it by.
func idle(d *plan.Draft, kind, target, id string) error {
	if !d.Fidelity.OneRequestAtATime() {
		return nil
	}
	for op := range d.World.OperationsSince(d.Applied) {
		if op.Type == kind && op.Targets[target] == id {
			return duplicate("Another operation of type "+kind+" and id "+string(op.ID)+" is in progress for "+id+".", op.ID)
		}
	}
	return nil
}

// targetsOf are an operation's targets and, as outputs of AWS show it although
// the API reference does not name it, the change of Route 53 that it made.
func targetsOf(o *world.Operation) map[string]string {
	if !o.ZoneChange {
		return o.Targets
	}
	targets := maps.Clone(o.Targets)
	targets["ROUTE_53_CHANGE_ID"] = string(world.NewChangeID(o.Revision, o.CreatedAt))
	return targets
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
		Id: new(string(o.ID)), Type: &o.Type, Status: new(s.statusOf(o)), Targets: targetsOf(o), OwnerAccount: &s.cfg.Scope.Account,
		ErrorCode: optional.Text(o.ErrorCode), ErrorMessage: optional.Text(o.ErrorMessage),
		CreateDate: wire.At(o.CreatedAt), UpdateDate: wire.At(o.CreatedAt),
	}}, nil
}

// ListOperations lists jobs by id and status. Those on services and instances of a
// namespace are related to the namespace, too (Cloud Map API reference,
// OperationFilter).
func (s *Server) ListOperations(_ context.Context, in *ListOperationsInput) (*ListOperationsOutput, error) {
	w := s.cfg.Changes.View()
	var filters []filter
	for _, f := range in.Filters {
		filters = append(filters, filter{f.Name, f.Condition, f.Values})
	}
	kinds := map[string][]string{"NAMESPACE_ID": {"EQ"}, "SERVICE_ID": {"EQ"}, "STATUS": {"EQ", "IN"}, "TYPE": {"EQ", "IN"}, "UPDATE_DATE": {"BETWEEN"}}
	if err := checkFilters(filters, kinds); err != nil {
		return nil, err
	}
	s.shortIDs(filters)
	cut, next, err := rows(w.Operations, "", in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ListOperationsOutput{Operations: []OperationSummary{}, NextToken: next}
	for _, o := range cut {
		of := map[string]string{
			"NAMESPACE_ID": cmp.Or(string(o.Namespace), o.Targets["NAMESPACE"]), "SERVICE_ID": o.Targets["SERVICE"], "STATUS": s.statusOf(o), "TYPE": o.Type,
			"UPDATE_DATE": epoch(o.CreatedAt),
		}
		if allMatch(filters, of) {
			out.Operations = append(out.Operations, OperationSummary{Id: new(string(o.ID)), Status: new(s.statusOf(o))})
		}
	}
	return out, nil
}
