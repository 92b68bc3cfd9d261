package wire

import (
	"encoding/xml"
	"fmt"
	"reflect"
)

// DecodeQueryResponse reads the body of a query or EC2 query response into out,
// a pointer to the operation's output struct.
func DecodeQueryResponse(s *Service, op *Operation, body []byte, out any) error {
	v := reflect.ValueOf(out)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Type().Elem() != op.Handler.out {
		return fmt.Errorf("output of %s is a %T, want *%s", op.Name, out, op.Handler.out)
	}
	x, start, err := newXMLDecoder(body)
	if err != nil {
		return fmt.Errorf("response of %s: %w", op.Name, err)
	}
	p := s.planner.plan(op.Handler.out)
	if s.speaks(EC2) {
		err = x.structure(p, start, v.Elem())
	} else {
		err = x.each(func(child xml.StartElement) error {
			if child.Name.Local == op.Wrapper {
				return x.structure(p, child, v.Elem())
			}
			return x.skip()
		})
	}
	if err != nil {
		return fmt.Errorf("response of %s: %w", op.Name, err)
	}
	return nil
}

// DecodeQueryError reads an error envelope of the query, EC2 query or REST-XML
// protocol.
func DecodeQueryError(status int, body []byte) (*Error, error) {
	var env struct {
		Error  xmlFault `xml:"Error"`
		Errors struct {
			Error xmlFault `xml:"Error"`
		} `xml:"Errors"`
	}
	if err := xml.Unmarshal(body, &env); err != nil {
		return nil, fmt.Errorf("error response with HTTP %d: %w", status, err)
	}
	f := env.Error
	if f.Code == "" {
		f = env.Errors.Error
	}
	if f.Code == "" {
		return nil, fmt.Errorf("error response with HTTP %d has no code", status)
	}
	return &Error{Code: f.Code, Message: f.Message, Status: status, Sender: status < 500}, nil
}

type xmlFault struct {
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
}
