// Command modelimport turns the service models of an installed botocore into
// the committed files models/<service>.json.
//
//	go run ./internal/gen/modelimport -version 1.43.11 /path/to/botocore/data
//
// It is run by hand when a newer botocore is wanted; the build reads only what
// is committed. Operations of a service with a file models/scope/<service>.txt
// are limited to those it lists.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"seamark/internal/gen/model"
)

// services are the botocore directory names that Seamark speaks.
func services() []string {
	return []string{
		"application-autoscaling", "cloudwatch", "ec2", "ecr", "ecs", "elbv2", "iam", "logs",
		"route53", "route53resolver", "secretsmanager", "servicediscovery", "ssm", "sts",
	}
}

func main() {
	version := flag.String("version", "", "botocore's version, recorded in each file")
	out := flag.String("out", "models", "directory to write to")
	flag.Parse()
	if flag.NArg() != 1 || *version == "" {
		fmt.Fprintln(os.Stderr, "usage: modelimport -version V [-out DIR] BOTOCORE_DATA_DIR")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "modelimport:", err)
		os.Exit(1)
	}
}

func run(data, version, out string) error {
	for _, name := range services() {
		scope, err := readScope(filepath.Join(out, "scope", name+".txt"))
		if err != nil {
			return err
		}
		m, err := importService(data, name, version, scope)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b, err := m.Marshal()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(out, name+".json"), b, 0o644); err != nil {
			return fmt.Errorf("write model: %w", err)
		}
		fmt.Printf("%-24s %4d operations %5d shapes %8d bytes\n", name, len(m.Operations), len(m.Shapes), len(b))
	}
	return nil
}

// readScope reads the operations in scope, one name per line, # for comments.
// No file means all operations.
func readScope(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read scope: %w", err)
	}
	var ops []string
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		ops = append(ops, strings.Fields(line)...)
	}
	return ops, nil
}

func importService(data, name, version string, scope []string) (*model.Model, error) {
	dirs, err := filepath.Glob(filepath.Join(data, name, "*", "service-2.json.gz"))
	if err != nil || len(dirs) == 0 {
		return nil, fmt.Errorf("no service-2.json.gz under %s", filepath.Join(data, name))
	}
	slices.Sort(dirs)
	path := dirs[len(dirs)-1] // the newest API version
	var src c2j
	if err := readGzip(path, &src); err != nil {
		return nil, err
	}
	pagers, err := readPagers(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(data, path)
	if err != nil {
		return nil, fmt.Errorf("model path: %w", err)
	}
	m := &model.Model{
		Source:     model.Source{Package: "botocore", Version: version, Path: rel},
		Service:    serviceOf(&src),
		Operations: map[string]model.Operation{},
		Shapes:     map[string]model.Shape{},
	}
	if err := addOperations(m, &src, pagers, scope); err != nil {
		return nil, err
	}
	addShapes(m, &src)
	return m, nil
}

func serviceOf(src *c2j) model.Service {
	md := src.Metadata
	s := model.Service{
		ID: md.ServiceID, FullName: md.ServiceFullName, APIVersion: md.APIVersion,
		SigningName: md.SigningName, Protocols: md.Protocols, JSONVersion: md.JSONVersion,
		TargetPrefix: md.TargetPrefix, XMLNamespace: md.XMLNamespace,
		QueryCompatible: md.AWSQueryCompatible != nil,
	}
	if s.SigningName == "" {
		s.SigningName = md.EndpointPrefix
	}
	return s
}

func addOperations(m *model.Model, src *c2j, pagers map[string]*model.Pager, scope []string) error {
	for _, want := range scope {
		if _, ok := src.Operations[want]; !ok {
			return fmt.Errorf("scope names %q, which the model does not have", want)
		}
	}
	for name, o := range src.Operations {
		if scope != nil && !slices.Contains(scope, name) {
			m.Others = append(m.Others, name)
			continue
		}
		op := model.Operation{
			Method: o.HTTP.Method, URI: o.HTTP.RequestURI, Status: o.HTTP.ResponseCode,
			Host: o.Endpoint.HostPrefix, NoAuth: o.AuthType == "none", ReadOnly: o.ReadOnly,
			Gzip: o.RequestCompression != nil, Paginator: pagers[name],
		}
		if o.Input != nil {
			op.Input, op.InputRoot = o.Input.Shape, o.Input.LocationName
		}
		if o.Output != nil {
			op.Output, op.Wrapper = o.Output.Shape, o.Output.ResultWrapper
		}
		for _, e := range o.Errors {
			op.Errors = append(op.Errors, e.Shape)
		}
		slices.Sort(op.Errors)
		m.Operations[name] = op
		if m.Service.XMLNamespace == "" && src.Metadata.Protocol == "rest-xml" {
			m.Service.XMLNamespace = namespaceOf(src, o)
		}
	}
	slices.Sort(m.Others)
	return nil
}

// namespaceOf returns the XML namespace of a rest-xml service, which C2J puts
// on the inputs and not on the service.
func namespaceOf(src *c2j, o c2jOperation) string {
	if o.Input == nil || o.Input.LocationName == "" {
		return ""
	}
	return "https://" + src.Metadata.EndpointPrefix + ".amazonaws.com/doc/" + src.Metadata.APIVersion + "/"
}

// addShapes keeps the shapes that the operations in scope reach.
func addShapes(m *model.Model, src *c2j) {
	var walk func(name string)
	walk = func(name string) {
		if _, done := m.Shapes[name]; done || name == "" {
			return
		}
		s := src.Shapes[name].shape()
		m.Shapes[name] = s
		for _, r := range s.Members {
			walk(r.Shape)
		}
		for _, r := range []*model.Ref{s.Member, s.Key, s.Value} {
			if r != nil {
				walk(r.Shape)
			}
		}
	}
	for _, o := range m.Operations {
		walk(o.Input)
		walk(o.Output)
		for _, e := range o.Errors {
			walk(e)
		}
	}
	// Exceptions that no operation lists (CloudWatch, ELB) are still answers.
	for name, s := range src.Shapes {
		if s.Exception {
			walk(name)
		}
	}
}
