package wire

import (
	"errors"
	"net/http"
	"reflect"
	"strconv"
)

// succeed encodes and writes an output.
func (c *call) succeed(out any) {
	for _, n := range c.info.notices {
		c.w.Header().Add("X-Seamark-Notice", n)
	}
	s, v := c.target.service, reflect.ValueOf(out).Elem()
	p := s.planner.plan(c.op.Handler.out)
	status := c.op.status()
	var body []byte
	switch c.target.proto {
	case JSON:
		// Large answers would grow a fresh buffer step by step; the writer has
		// copied the bytes when write returns.
		buf := c.mux.buffers.Get().(*[]byte)
		*buf = appendJSON((*buf)[:0], p, v)
		c.write(status, *buf)
		c.mux.recycle(buf)
		return
	case CBOR:
		var err error
		if body, err = c.mux.cbor.encode(out); err != nil {
			c.fail(err)
			return
		}
	case RESTXML:
		body, status = encodeREST(s, c.op, p, v, c.w.Header())
	case EC2:
		body = appendEC2Response(s, c.op, p, v, c.info.RequestID)
	default:
		body = appendQueryResponse(s, c.op, p, v, c.info.RequestID)
	}
	c.write(status, body)
}

// appendQueryResponse writes <OpResponse><OpResult>…</OpResult><ResponseMetadata>….
func appendQueryResponse(s *Service, op *Operation, p *structPlan, v reflect.Value, requestID string) []byte {
	root := op.Name + "Response"
	b := append([]byte(xmlHeader), '<')
	b = append(append(b, root...), ` xmlns="`...)
	b = append(append(b, s.XMLNamespace...), `">`...)
	if op.Wrapper != "" {
		b = openTag(b, op.Wrapper)
		b = appendXML(b, p, v)
		b = closeTag(b, op.Wrapper)
	}
	b = append(b, "<ResponseMetadata><RequestId>"...)
	b = append(b, requestID...)
	b = append(b, "</RequestId></ResponseMetadata>"...)
	return closeTag(b, root)
}

// appendEC2Response writes <OpResponse><requestId>…, and EC2's own
// <return>true</return> for operations without an output.
func appendEC2Response(s *Service, op *Operation, p *structPlan, v reflect.Value, requestID string) []byte {
	root := op.Name + "Response"
	b := append([]byte(xmlHeader), '<')
	b = append(append(b, root...), ` xmlns="`...)
	b = append(append(b, s.XMLNamespace...), `/"><requestId>`...)
	b = append(append(b, requestID...), "</requestId>"...)
	if len(p.fields) == 0 {
		b = append(b, "<return>true</return>"...)
	}
	b = appendXML(b, p, v)
	return closeTag(b, root)
}

// fail writes an error. What is not an *Error is hidden behind an internal
// failure; the log has it under the same request id.
func (c *call) fail(err error) {
	var e *Error
	if !errors.As(err, &e) {
		c.cause = err
		e = c.conduct().internalError()
	}
	c.code = e.Code
	h := c.w.Header()
	switch c.target.proto {
	case JSON:
		h["X-Amzn-Errortype"] = []string{e.Code}
		c.queryError(e)
		c.write(e.status(), jsonError(e))
	case CBOR:
		c.queryError(e)
		body, err := c.mux.cbor.encode(errorMembers(e))
		if err != nil {
			c.cause = err
		}
		c.write(e.status(), body)
	case EC2:
		c.write(e.status(), ec2Error(e, c.info.RequestID))
	default:
		c.write(e.status(), queryError(c.target.service, e, c.info.RequestID))
	}
}

// queryError tells clients of a query-compatible service the code that the
// query protocol would have given.
func (c *call) queryError(e *Error) {
	if s := c.target.service; s != nil && s.QueryCompatible {
		c.w.Header().Set("X-Amzn-Query-Error", e.queryCode()+";"+e.fault())
	}
}

// write sends a response with the headers that all protocols share. Date is
// net/http's: clients correct their clock by it.
func (c *call) write(status int, body []byte) {
	h := c.w.Header()
	h["X-Amzn-Requestid"] = []string{c.info.RequestID}
	switch c.target.proto {
	case JSON:
		version := "1.1"
		if s := c.target.service; s != nil && s.JSONVersion != "" {
			version = s.JSONVersion
		}
		h["Content-Type"] = []string{"application/x-amz-json-" + version}
	case CBOR:
		h["Content-Type"] = []string{"application/cbor"}
		h["Smithy-Protocol"] = []string{"rpc-v2-cbor"}
	default:
		h["Content-Type"] = []string{"text/xml;charset=UTF-8"}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.status = status
	c.w.WriteHeader(status)
	if c.r.Method == http.MethodHead {
		return
	}
	if _, err := c.w.Write(body); err != nil && c.cause == nil {
		c.code = "ClientGone" // nobody is left to answer; the log line says so
	}
}
