package wire_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"seamark/internal/wire"
)

// The SDK's service modules ship one fully populated request per operation
// (request_snapshot/) and, for JSON and CBOR services, one response
// (response_snapshot/). Every one whose operation is in the models is decoded,
// encoded again and compared leaf by leaf. What the SDK knows and the older
// models do not is listed in testdata/newer-than-model.txt, exactly.

var update = flag.Bool("update", false, "rewrite testdata/newer-than-model.txt")

type module struct{ service, path string }

func snapshotModules() []module {
	const sdk = "github.com/aws/aws-sdk-go-v2/service/"
	return []module{
		{"cloudwatch", sdk + "cloudwatch@v1.75.5"},
		{"ec2", sdk + "ec2@v1.344.1"},
		{"ecr", sdk + "ecr@v1.67.4"},
		{"ecs", sdk + "ecs@v1.104.1"},
		{"elbv2", sdk + "elasticloadbalancingv2@v1.63.8"},
		{"iam", sdk + "iam@v1.64.8"},
		{"logs", sdk + "cloudwatchlogs@v1.92.0"},
		{"route53", sdk + "route53@v1.70.8"},
		{"secretsmanager", sdk + "secretsmanager@v1.50.10"},
		{"ssm", sdk + "ssm@v1.81.4"},
		{"sts", sdk + "sts@v1.51.8"},
	}
}

// moduleDir downloads a module, or finds it in the module cache.
func moduleDir(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", path)
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod")
	cmd.Dir = t.TempDir() // outside the module: go.mod stays as it is
	out, err := cmd.Output()
	var got struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &got); jsonErr != nil || got.Dir == "" {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
			t.Fatalf("go mod download %s: %v %s", path, err, got.Error)
		}
		t.Skipf("go mod download %s: %v %s", path, err, got.Error)
	}
	return got.Dir
}

func TestConformance_requestSnapshots(t *testing.T) {
	services := emptyServices()
	known := readExceptions(t)
	found := map[string]bool{}
	for _, m := range snapshotModules() {
		t.Run(m.service, func(t *testing.T) {
			s := services[m.service]
			files, err := filepath.Glob(filepath.Join(moduleDir(t, m.path), "request_snapshot", "*.snap"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no snapshots: %v", err)
			}
			exact, outside := 0, 0
			for _, file := range files {
				snap := readSnapshot(t, file)
				op, ok := s.Operation(snap.name)
				if !ok {
					outside++
					if !s.Known(snap.name) {
						found[m.service+" "+snap.name+" (operation)"] = true
					}
					continue
				}
				lost, err := lostLeaves(s, op, snap)
				if err != nil {
					t.Errorf("%s: %v", snap.name, err)
					continue
				}
				if len(lost) == 0 {
					exact++
				}
				for _, leaf := range lost {
					found[m.service+" "+snap.name+" "+leaf] = true
					if inModel(op.NewInput(), leaf) {
						t.Errorf("%s: lost %s, which the model has", snap.name, leaf)
					}
				}
			}
			t.Logf("%d snapshots: %d exact, %d of operations without shapes here", len(files), exact, outside)
		})
	}
	if *update {
		writeExceptions(t, found)
		return
	}
	for _, line := range slices.Sorted(maps.Keys(found)) {
		if !known[line] {
			t.Errorf("lost: %s", line)
		}
	}
	if !t.Skipped() && len(found) > 0 {
		for line := range known {
			if !found[line] {
				t.Errorf("testdata/newer-than-model.txt lists %q, which is not lost any more", line)
			}
		}
	}
}

const exceptionFile = "testdata/newer-than-model.txt"

func readExceptions(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	b, err := os.ReadFile(exceptionFile)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out[line] = true
		}
	}
	return out
}

func writeExceptions(t *testing.T, found map[string]bool) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# What the SDK modules of conformance_test.go send and the committed models do not have yet:\n# service, operation, path of the member. Written by go test -run Conformance -update.\n")
	for _, line := range slices.Sorted(maps.Keys(found)) {
		b.WriteString(line + "\n")
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exceptionFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lostLeaves decodes a request and returns the paths of the leaves that are
// not in what comes out again.
func lostLeaves(s *wire.Service, op *wire.Operation, snap snapshot) ([]string, error) {
	in := op.NewInput()
	switch s.Protocols[0] {
	case wire.JSON:
		if err := wire.DecodeJSONInput(s, op, snap.body, in); err != nil {
			return nil, err
		}
		return diffJSON(snap.body, wire.EncodeJSON(s, in))
	case wire.CBOR:
		if err := wire.DecodeCBOR(snap.body, in); err != nil {
			return nil, err
		}
		return diffCBOR(snap.body, in)
	case wire.RESTXML:
		return lostREST(s, op, snap, in)
	}
	return lostForm(s, op, snap, in)
}

// lostForm drops the parameters that EC2 refuses as unknown one by one, and
// compares the rest.
func lostForm(s *wire.Service, op *wire.Operation, snap snapshot, in any) ([]string, error) {
	form, err := url.ParseQuery(strings.TrimRight(string(snap.body), "\n"))
	if err != nil {
		return nil, err
	}
	lost := map[string]bool{}
	for {
		err := wire.DecodeForm(s, op, form, in)
		if err == nil {
			break
		}
		name, ok := strings.CutPrefix(err.Error(), "The parameter ")
		if !ok {
			return nil, err
		}
		name = strings.TrimSuffix(name, " is not recognized")
		dropped := false
		for k := range form {
			if k == name || strings.HasPrefix(k, name+".") {
				lost[withoutNumbers(k)] = true
				delete(form, k)
				dropped = true
			}
		}
		if !dropped {
			return nil, errors.New("refused " + name + ", which was not sent")
		}
		in = op.NewInput()
	}
	again, err := wire.EncodeQuery(s, op, in)
	if err != nil {
		return nil, err
	}
	for k, v := range form {
		if len(again[k]) != 1 || !sameText(again[k][0], v[0]) {
			lost[withoutNumbers(k)] = true
		}
	}
	for k := range again {
		if form[k] == nil {
			return nil, errors.New("encoder made up " + k)
		}
	}
	return slices.Sorted(maps.Keys(lost)), nil
}

// sameText compares parameters; numbers and timestamps may look different.
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX == nil && errY == nil {
		return x == y
	}
	s, errS := time.Parse(time.RFC3339, a)
	u, errU := time.Parse(time.RFC3339, b)
	return errS == nil && errU == nil && s.Equal(u)
}

func withoutNumbers(key string) string {
	var out []string
	for part := range strings.SplitSeq(key, ".") {
		if _, err := strconv.Atoi(part); err != nil {
			out = append(out, part)
		}
	}
	return strings.Join(out, ".")
}

// lostREST routes and decodes a rest-xml request and compares body elements,
// labels and query parameters.
func lostREST(s *wire.Service, op *wire.Operation, snap snapshot, in any) ([]string, error) {
	u, err := url.Parse(snap.path)
	if err != nil {
		return nil, err
	}
	got, labels := wire.Match(s, snap.method, u.EscapedPath())
	if got != op {
		return nil, fmt.Errorf("%s %s routes to %v", snap.method, snap.path, got)
	}
	if err := wire.DecodeREST(s, labels, u.Query(), snap.header, snap.body, in); err != nil {
		return nil, err
	}
	want, err := xmlLeaves(snap.body)
	if err != nil {
		return nil, err
	}
	again, err := xmlLeaves(append(append([]byte("<r>"), wire.EncodeXMLBody(s, in)...), "</r>"...))
	if err != nil {
		return nil, err
	}
	lost := missing(want, again)
	lost = append(lost, missingBound(in, labels, u.Query())...)
	return lost, nil
}

// missingBound checks that each label and query parameter arrived in a member
// of its name.
func missingBound(in any, labels map[string]string, q url.Values) []string {
	have := map[string][]string{}
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("wire")
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		for opt := range strings.SplitSeq(tag, ",") {
			if n, ok := strings.CutPrefix(opt, "n="); ok {
				name = n
			}
		}
		f := v.Field(i)
		switch {
		case f.IsNil():
		case f.Kind() == reflect.Pointer:
			have[name] = []string{fmt.Sprint(f.Elem().Interface())}
		default:
			for j := range f.Len() {
				have[name] = append(have[name], fmt.Sprint(f.Index(j).Interface()))
			}
		}
	}
	var lost []string
	for name, value := range labels {
		if !slices.Equal(have[name], []string{value}) {
			lost = append(lost, "label "+name)
		}
	}
	for name, values := range q {
		if name == "startdate" || name == "enddate" { // timestamps change their look
			continue
		}
		if !slices.Equal(have[name], values) {
			lost = append(lost, "query "+name)
		}
	}
	return lost
}

// TestConformance_responseSnapshots decodes the responses that the SDK expects
// into output structs and encodes them again.
func TestConformance_responseSnapshots(t *testing.T) {
	services := emptyServices()
	for _, m := range snapshotModules() {
		s := services[m.service]
		if s.Protocols[0] != wire.JSON && s.Protocols[0] != wire.CBOR {
			continue
		}
		t.Run(m.service, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(moduleDir(t, m.path), "response_snapshot", "*.response.snap"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no snapshots: %v", err)
			}
			exact, partly := 0, 0
			for _, file := range files {
				snap := readSnapshot(t, file)
				op, ok := s.Operation(snap.name)
				if !ok {
					continue
				}
				lost, err := lostOutput(s, op, snap)
				switch {
				case err != nil:
					t.Errorf("%s: %v", snap.name, err)
				case len(lost) == 0:
					exact++
				default:
					partly++
					for _, leaf := range lost {
						if inModel(op.NewOutput(), leaf) {
							t.Errorf("%s: lost %s, which the model has", snap.name, leaf)
						}
					}
				}
			}
			t.Logf("%d responses exact, %d with members newer than the model", exact, partly)
			if exact == 0 {
				t.Error("no response is exact")
			}
		})
	}
}

// inModel reports whether a leaf's path leads to a member of v's type, so that
// its loss is the codec's and not the model's.
func inModel(v any, path string) bool {
	t := reflect.TypeOf(v)
	for seg := range strings.SplitSeq(path, ".") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		switch {
		case t.Kind() == reflect.Map:
			t = t.Elem()
		case seg == "member" || seg == "entry":
		case t.Kind() != reflect.Struct:
			return true // below a leaf: a document or a timestamp
		default:
			f, ok := fieldByWireName(t, seg)
			if !ok {
				return false
			}
			t = f.Type
		}
	}
	return true
}

func fieldByWireName(t reflect.Type, name string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if member, _, _ := strings.Cut(f.Tag.Get("json"), ","); member == name {
			return f, true
		}
		for opt := range strings.SplitSeq(f.Tag.Get("wire"), ",") {
			if opt == "n="+name || opt == "q="+name {
				return f, true
			}
		}
	}
	return reflect.StructField{}, false
}

func lostOutput(s *wire.Service, op *wire.Operation, snap snapshot) ([]string, error) {
	out := op.NewOutput()
	if s.Protocols[0] == wire.CBOR {
		if err := wire.DecodeCBOR(snap.body, out); err != nil {
			return nil, err
		}
		return diffCBOR(snap.body, out)
	}
	if err := wire.DecodeJSONInput(s, op, snap.body, out); err != nil {
		return nil, err
	}
	return diffJSON(snap.body, wire.EncodeJSON(s, out))
}
