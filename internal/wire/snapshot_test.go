package wire_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"seamark/internal/wire"
)

// snapshot is one stored request: request line, headers, body.
type snapshot struct {
	name, method, path string
	header             http.Header
	body               []byte
}

func readSnapshot(t *testing.T, file string) snapshot {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	s := snapshot{name: name, header: http.Header{}}
	line, rest, _ := bytes.Cut(raw, []byte("\n"))
	s.method, s.path, _ = strings.Cut(string(line), " ")
	// A response has its headers right below the status, a request after an
	// empty line.
	rest = bytes.TrimPrefix(rest, []byte("\n"))
	head, body, _ := bytes.Cut(rest, []byte("\n\n"))
	for sc := bufio.NewScanner(bytes.NewReader(head)); sc.Scan(); {
		k, v, _ := strings.Cut(sc.Text(), ": ")
		s.header.Add(k, v)
	}
	s.body = body
	return s
}

func diffJSON(want, got []byte) ([]string, error) {
	var w, g any
	if len(bytes.TrimSpace(want)) == 0 {
		want = []byte("{}")
	}
	for _, x := range []struct {
		b  []byte
		to *any
	}{{want, &w}, {got, &g}} {
		if err := json.Unmarshal(x.b, x.to); err != nil {
			return nil, fmt.Errorf("%w in %s", err, x.b)
		}
	}
	return missing(leaves(w), leaves(g)), nil
}

func diffCBOR(want []byte, v any) ([]string, error) {
	got, err := wire.EncodeCBOR(v)
	if err != nil {
		return nil, err
	}
	w, g := any(map[string]any{}), any(nil)
	if len(want) > 0 {
		if err := cbor.Unmarshal(want, &w); err != nil {
			return nil, err
		}
	}
	if err := cbor.Unmarshal(got, &g); err != nil {
		return nil, err
	}
	return missing(leaves(w), leaves(g)), nil
}

// leaves flattens a decoded document into path → value; empty containers count
// as leaves.
func leaves(v any) map[string]string {
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		rv := reflect.ValueOf(v)
		switch {
		case v == nil:
			out[path] = "null"
		case rv.Kind() == reflect.Map && rv.Len() > 0:
			for _, k := range rv.MapKeys() {
				walk(strings.TrimPrefix(path+"."+fmt.Sprint(k.Interface()), "."), rv.MapIndex(k).Interface())
			}
		case rv.Kind() == reflect.Slice && rv.Len() > 0 && rv.Type().Elem().Kind() != reflect.Uint8:
			for i := range rv.Len() {
				walk(path+"["+strconv.Itoa(i)+"]", rv.Index(i).Interface())
			}
		default:
			out[path] = plain(v)
		}
	}
	walk("", v)
	return out
}

// plain writes 1, 1.0 and uint64(1) alike.
func plain(v any) string {
	rv := reflect.ValueOf(v)
	switch {
	case rv.CanInt():
		return strconv.FormatInt(rv.Int(), 10)
	case rv.CanUint():
		return strconv.FormatUint(rv.Uint(), 10)
	case rv.CanFloat():
		return strconv.FormatFloat(rv.Float(), 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// missing returns the sorted paths of want that got lacks or has otherwise,
// without list indexes, so that one absent member is one line.
func missing(want, got map[string]string) []string {
	out := map[string]bool{}
	for path, v := range want {
		if g, ok := got[path]; !ok || g != v {
			out[withoutIndexes(path)] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

func withoutIndexes(path string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(path, "[") {
		if _, after, ok := strings.Cut(part, "]"); ok {
			part = after
		}
		b.WriteString(part)
	}
	return b.String()
}

// xmlLeaves flattens a document below its root into path → text, numbering
// equal siblings.
func xmlLeaves(body []byte) (map[string]string, error) {
	out := map[string]string{}
	if len(bytes.TrimSpace(body)) == 0 {
		return out, nil
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	counts := []map[string]int{{}}
	var text string
	var leaf bool
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			n := counts[len(counts)-1][tok.Name.Local]
			counts[len(counts)-1][tok.Name.Local]++
			path = append(path, tok.Name.Local+"["+strconv.Itoa(n)+"]")
			counts = append(counts, map[string]int{})
			text, leaf = "", true
		case xml.CharData:
			text += string(tok)
		case xml.EndElement:
			if leaf && len(path) > 1 {
				out[strings.Join(path[1:], ".")] = text
			}
			path, counts, leaf = path[:len(path)-1], counts[:len(counts)-1], false
		}
	}
}
