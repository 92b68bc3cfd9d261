package wire

import (
	"fmt"
	"maps"
	"net/http"
)

// Error is an error that a client sees. Everything else that a handler returns
// is answered as an internal failure and only logged.
type Error struct {
	// Code is the exception's shape name, which JSON and CBOR clients see, or
	// the error code of a query service that has no such shape.
	Code    string
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
	// Fields are further members of the exception by their wire name, for
	// example NamespaceId of Cloud Map's NamespaceAlreadyExists.
	Fields map[string]any
	// QueryCode is the code that query and REST-XML clients see and that a
	// query-compatible service puts in x-amzn-query-error; empty means Code.
	QueryCode string
	// Sender says that the caller is at fault; a status below 500 says so too.
	Sender bool
	// MessageName is the wire name of the message member in JSON and CBOR;
	// empty means "message".
	MessageName string
}

// Errorf makes an error that a model does not have, such as EC2's codes.
func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...), Sender: status < http.StatusInternalServerError}
}

// Error is the text for logs; clients get Message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// With returns a copy of the error with one more member.
func (e *Error) With(name string, value any) *Error {
	c := *e
	c.Fields = maps.Clone(e.Fields)
	if c.Fields == nil {
		c.Fields = make(map[string]any, 1)
	}
	c.Fields[name] = value
	return &c
}

// Is reports whether target is an *Error with the same code, so that
// errors.Is(err, ecs.ErrClusterNotFoundException("")) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

func (e *Error) queryCode() string {
	if e.QueryCode != "" {
		return e.QueryCode
	}
	return e.Code
}

// fault is "Sender" or "Receiver", as query errors name the guilty side.
func (e *Error) fault() string {
	if e.Sender || e.status() < http.StatusInternalServerError {
		return "Sender"
	}
	return "Receiver"
}

func (e *Error) messageName() string {
	if e.MessageName != "" {
		return e.MessageName
	}
	return "message"
}
