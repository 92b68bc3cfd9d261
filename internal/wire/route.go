package wire

import (
	"net/url"
	"slices"
	"strings"
)

// route is a rest-xml operation's URI template.
type route struct {
	method string
	segs   []segment
	op     *Operation
}

// segment is one path segment: literal text, or a label that takes one
// segment, or the rest of the path when greedy.
type segment struct {
	literal string
	label   string
	greedy  bool
}

// buildRoutes compiles the templates of a rest-xml service, the most specific
// first: a literal segment wins over a label in the same place.
func buildRoutes(s *Service) []route {
	if !s.speaks(RESTXML) {
		return nil
	}
	var out []route
	for _, op := range s.ops {
		path, _, _ := strings.Cut(op.URI, "?")
		r := route{method: op.Method, op: op}
		for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
			r.segs = append(r.segs, parseSegment(part))
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b route) int {
		return strings.Compare(a.rank()+a.op.Name, b.rank()+b.op.Name)
	})
	return out
}

func parseSegment(part string) segment {
	name, isLabel := strings.CutPrefix(part, "{")
	if !isLabel {
		return segment{literal: part}
	}
	name = strings.TrimSuffix(name, "}")
	name, greedy := strings.CutSuffix(name, "+")
	return segment{label: name, greedy: greedy}
}

// rank sorts literal segments before labels before greedy labels.
func (r route) rank() string {
	var b strings.Builder
	for _, s := range r.segs {
		switch {
		case s.greedy:
			b.WriteByte('2')
		case s.label != "":
			b.WriteByte('1')
		default:
			b.WriteByte('0')
		}
	}
	return b.String()
}

// match finds the operation of a method and an escaped path and the decoded
// labels. Labels are cut out of the escaped path, so %2F stays inside one.
func (s *Service) match(method, escapedPath string) (*Operation, map[string]string) {
	parts := strings.Split(strings.Trim(escapedPath, "/"), "/")
	for _, r := range s.routes {
		if r.method != method {
			continue
		}
		if labels, ok := r.labels(parts); ok {
			return r.op, labels
		}
	}
	return nil, nil
}

func (r route) labels(parts []string) (map[string]string, bool) {
	var out map[string]string
	for i, s := range r.segs {
		if i >= len(parts) {
			return nil, false
		}
		part := parts[i]
		switch {
		case s.greedy:
			part = strings.Join(parts[i:], "/")
			parts = parts[:i+1]
		case s.label == "":
			if part != s.literal {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(part)
		if err != nil || value == "" {
			return nil, false
		}
		if out == nil {
			out = make(map[string]string, 2)
		}
		out[s.label] = value
	}
	return out, len(parts) == len(r.segs)
}

// owns reports whether any operation of the service starts with the first
// segment of the path, which tells rest-xml services apart when a request
// carries no credential scope.
func (s *Service) owns(escapedPath string) bool {
	first, _, _ := strings.Cut(strings.Trim(escapedPath, "/"), "/")
	for _, r := range s.routes {
		if r.segs[0].literal != "" && r.segs[0].literal == first {
			return true
		}
	}
	return false
}
