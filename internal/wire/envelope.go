package wire

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// errorMembers are the members of an error in JSON and CBOR.
func errorMembers(e *Error) map[string]any {
	m := make(map[string]any, len(e.Fields)+2)
	maps.Copy(m, e.Fields)
	m["__type"] = e.Code
	m[e.messageName()] = e.Message
	return m
}

// jsonError is {"__type":"…","message":"…",…}. A field that JSON cannot write
// is a defect of the handler; the error itself still goes out.
func jsonError(e *Error) []byte {
	b := appendJSONString([]byte(`{"__type":`), e.Code)
	b = append(appendJSONString(append(b, ','), e.messageName()), ':')
	b = appendJSONString(b, e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		value, err := json.Marshal(e.Fields[name])
		if err != nil {
			continue
		}
		b = append(appendJSONString(append(b, ','), name), ':')
		b = append(b, value...)
	}
	return append(b, '}')
}

// queryError is the envelope of query and rest-xml services.
func queryError(s *Service, e *Error, requestID string) []byte {
	b := append([]byte(xmlHeader), "<ErrorResponse"...)
	if s != nil && s.XMLNamespace != "" {
		b = append(append(append(b, ` xmlns="`...), s.XMLNamespace...), '"')
	}
	b = append(b, "><Error><Type>"...)
	b = append(append(b, e.fault()...), "</Type><Code>"...)
	b = appendXMLText(b, e.queryCode())
	b = append(b, "</Code><Message>"...)
	b = appendXMLText(b, e.Message)
	b = append(b, "</Message>"...)
	b = appendErrorFields(b, e)
	b = append(b, "</Error><RequestId>"...)
	b = append(b, requestID...)
	return append(b, "</RequestId></ErrorResponse>"...)
}

// appendErrorFields writes further members; a list of strings becomes
// <Messages><Message>…</Message></Messages>, as Route 53's InvalidChangeBatch.
func appendErrorFields(b []byte, e *Error) []byte {
	for _, name := range slices.Sorted(maps.Keys(e.Fields)) {
		b = openTag(b, name)
		switch v := e.Fields[name].(type) {
		case []string:
			item := singular(name)
			for _, s := range v {
				b = closeTag(appendXMLText(openTag(b, item), s), item)
			}
		default:
			b = appendXMLText(b, fmt.Sprint(v))
		}
		b = closeTag(b, name)
	}
	return b
}

func singular(name string) string {
	if n := len(name); n > 1 && (name[n-1] == 's' || name[n-1] == 'S') {
		return name[:n-1]
	}
	return "member"
}

// ec2Error is EC2's envelope.
func ec2Error(e *Error, requestID string) []byte {
	b := append([]byte(xmlHeader), "<Response><Errors><Error><Code>"...)
	b = appendXMLText(b, e.queryCode())
	b = append(b, "</Code><Message>"...)
	b = appendXMLText(b, e.Message)
	b = append(b, "</Message></Error></Errors><RequestID>"...)
	b = append(b, requestID...)
	return append(b, "</RequestID></Response>"...)
}
