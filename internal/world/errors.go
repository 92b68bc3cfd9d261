package world

import "errors"

// The kinds of error below the API. Package api/<service> turns them into the
// service's own exceptions.
var (
	ErrNotFound  = errors.New("not found")
	ErrConflict  = errors.New("conflict")
	ErrInUse     = errors.New("in use")
	ErrExhausted = errors.New("exhausted")
	// ErrIllegalMove is a state change that the state's table does not allow.
	ErrIllegalMove = errors.New("illegal state change")
)
