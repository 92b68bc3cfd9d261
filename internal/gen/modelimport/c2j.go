package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"seamark/internal/gen/model"
)

// c2j is the part of botocore's service-2.json that is imported. Shapes and
// member references have the same names there as in package model, save for
// the few listed in c2jRef.
type c2j struct {
	Metadata struct {
		APIVersion, EndpointPrefix, SigningName string
		Protocol, JSONVersion, TargetPrefix     string
		XMLNamespace, ServiceID                 string
		ServiceFullName                         string
		Protocols                               []string
		AWSQueryCompatible                      *struct{}
	}
	Operations map[string]c2jOperation
	Shapes     map[string]c2jShape
}

type c2jOperation struct {
	HTTP struct {
		Method, RequestURI string
		ResponseCode       int
	}
	Input, Output      *struct{ Shape, LocationName, ResultWrapper string }
	Errors             []struct{ Shape string }
	Endpoint           struct{ HostPrefix string }
	AuthType           string
	ReadOnly           bool
	RequestCompression *struct{}
}

type c2jShape struct {
	model.Shape
	// The tags shadow the embedded fields of the same name.
	Members map[string]c2jRef `json:"members"`
	Member  *c2jRef           `json:"member"`
	Key     *c2jRef           `json:"key"`
	Value   *c2jRef           `json:"value"`
	Error   *struct {
		Code           string
		HTTPStatusCode int
		SenderFault    bool
	} `json:"error"`
}

type c2jRef struct {
	Shape, LocationName, QueryName, Location, TimestampFormat string
	Flattened, XMLAttribute, IdempotencyToken, Streaming      bool
	Deprecated                                                bool
}

func (r c2jRef) ref() model.Ref {
	return model.Ref{
		Shape: r.Shape, Name: r.LocationName, QueryName: r.QueryName, Location: r.Location,
		TimestampFormat: r.TimestampFormat, Flattened: r.Flattened, XMLAttribute: r.XMLAttribute,
		Token: r.IdempotencyToken, Streaming: r.Streaming, Deprecated: r.Deprecated,
	}
}

func (r *c2jRef) refp() *model.Ref {
	if r == nil {
		return nil
	}
	v := r.ref()
	return &v
}

func (s c2jShape) shape() model.Shape {
	out := s.Shape
	out.Member, out.Key, out.Value = s.Member.refp(), s.Key.refp(), s.Value.refp()
	slices.Sort(out.Required)
	if len(s.Members) > 0 {
		out.Members = make(map[string]model.Ref, len(s.Members))
		for n, r := range s.Members {
			out.Members[n] = r.ref()
		}
	}
	if s.Error != nil {
		out.Error = &model.Error{Code: s.Error.Code, Status: s.Error.HTTPStatusCode, Sender: s.Error.SenderFault}
	}
	return out
}

func readGzip(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open model: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// oneOrMany reads paginator fields, which are a string or a list of strings.
type oneOrMany []string

func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

type pagerFile struct {
	Pagination map[string]struct {
		InputToken  oneOrMany `json:"input_token"`
		OutputToken oneOrMany `json:"output_token"`
		LimitKey    string    `json:"limit_key"`
		ResultKey   oneOrMany `json:"result_key"`
		MoreResults string    `json:"more_results"`
	}
}

// readPagers reads paginators-1.json beside the model; services without one
// have no paged operations.
func readPagers(dir string) (map[string]*model.Pager, error) {
	b, err := os.ReadFile(filepath.Join(dir, "paginators-1.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read paginators: %w", err)
	}
	var f pagerFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("%s/paginators-1.json: %w", dir, err)
	}
	out := make(map[string]*model.Pager, len(f.Pagination))
	for op, p := range f.Pagination {
		out[op] = &model.Pager{
			InputToken: p.InputToken, OutputToken: p.OutputToken,
			LimitKey: p.LimitKey, ResultKey: p.ResultKey, MoreResults: p.MoreResults,
		}
	}
	return out, nil
}
