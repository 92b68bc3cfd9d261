package wire

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// The models in scope do not use every trait that the protocols have. These
// types do, with the tags that the generator would write.

type traitItem struct {
	ID   *string `json:"id,omitzero" wire:"n=xsi:id,attr"`
	Name *string `json:"name,omitzero"`
}

type traitInput struct {
	Label    *string            `json:"Label,omitzero" wire:"in=uri"`
	Rest     *string            `json:"Rest,omitzero" wire:"in=uri"`
	Flag     *bool              `json:"Flag,omitzero" wire:"n=flag,in=querystring"`
	Since    *Time              `json:"Since,omitzero" wire:"n=since,in=querystring"`
	Many     []string           `json:"Many,omitzero" wire:"n=many,in=querystring"`
	Modified *Time              `json:"Modified,omitzero" wire:"n=If-Modified-Since,in=header"`
	Flat     []string           `json:"Flat,omitzero" wire:"flat,item=FlatItem"`
	FlatOwn  []traitItem        `json:"FlatOwn,omitzero" wire:"flat"`
	Listed   []traitItem        `json:"Listed,omitzero" wire:"item=Entry"`
	Map      map[string]string  `json:"Map,omitzero"`
	Named    map[string]float64 `json:"Named,omitzero" wire:"flat,n=pair,k=Name,v=Score"`
	When     *Time              `json:"When,omitzero" wire:"ts=unixTimestamp"`
	Blob     []byte             `json:"Blob,omitzero"`
	Item     *traitItem         `json:"Item,omitzero"`
	Doc      json.RawMessage    `json:"Doc,omitzero"`
}

type traitOutput struct {
	Tag    *string    `json:"Tag,omitzero" wire:"n=ETag,in=header"`
	Code   *int32     `json:"Code,omitzero" wire:"in=statusCode"`
	Latest *Time      `json:"Latest,omitzero" wire:"n=Last-Modified,in=header"`
	Body   *traitItem `json:"Body,omitzero" wire:"payload"`
}

func traitService(t *testing.T, p Protocol) (*Service, *Operation) {
	t.Helper()
	s := NewService(ServiceSpec{Package: "trait", SigningName: "trait", APIVersion: "1", Protocols: []Protocol{p}, XMLNamespace: "urn:trait"}, []Operation{
		{Name: "Put", Method: "PUT", URI: "/v1/things/{Label}/{Rest+}", OutputRoot: "PutOutput", Handler: Handle(func(context.Context, *traitInput) (*traitOutput, error) { return nil, nil })},
		{Name: "Fixed", Method: "PUT", URI: "/v1/things/fixed/x", Handler: Handle[traitInput, traitOutput](nil)},
		{Name: "One", Method: "GET", URI: "/v1/things/{Label}", Handler: Handle[traitInput, traitOutput](nil)},
	})
	op, ok := s.Operation("Put")
	if !ok {
		t.Fatal("no operation")
	}
	return s, op
}

func fullInput() *traitInput {
	return &traitInput{
		Flat: []string{"a", "b"}, FlatOwn: []traitItem{{Name: new("x")}, {Name: new("y")}},
		Listed: []traitItem{{ID: new("1"), Name: new("<n>")}, {}}, Map: map[string]string{"k": "v", "j": ""},
		Named: map[string]float64{"p": 0.5, "q": 2}, When: At(time.UnixMilli(1700000000500)),
		Blob: []byte{0, 255}, Item: &traitItem{ID: new(`"q"`)},
	}
}

func TestRoutes(t *testing.T) {
	s, _ := traitService(t, RESTXML)
	for _, c := range []struct {
		method, path, op, label, rest string
	}{
		{"PUT", "/v1/things/a/b", "Put", "a", "b"},
		{"PUT", "/v1/things/a/b/c%2Fd/e", "Put", "a", "b/c/d/e"},
		{"PUT", "/v1/things/a%2Fb/c/", "Put", "a/b", "c"},
		{"PUT", "/v1/things/fixed/x", "Fixed", "", ""},
		{"GET", "/v1/things/%C3%A9", "One", "é", ""},
		{"GET", "/v1/things/a/b", "", "", ""},
		{"GET", "/v1/things/", "", "", ""},
		{"GET", "/v1/things/%zz", "", "", ""},
		{"POST", "/v1/things/a", "", "", ""},
	} {
		op, labels := s.match(c.method, c.path)
		name := ""
		if op != nil {
			name = op.Name
		}
		if name != c.op || labels["Label"] != c.label || labels["Rest"] != c.rest {
			t.Errorf("%s %s: %s %v", c.method, c.path, name, labels)
		}
	}
}

func TestXML_traits(t *testing.T) {
	s, op := traitService(t, RESTXML)
	p := s.planner.plan(op.Handler.in)
	in := fullInput()
	const want = `<FlatItem>a</FlatItem><FlatItem>b</FlatItem><FlatOwn><name>x</name></FlatOwn><FlatOwn><name>y</name></FlatOwn>` +
		`<Listed><Entry xsi:id="1"><name>&lt;n&gt;</name></Entry><Entry></Entry></Listed>` +
		`<Map><entry><key>j</key><value></value></entry><entry><key>k</key><value>v</value></entry></Map>` +
		`<pair><Name>p</Name><Score>0.5</Score></pair><pair><Name>q</Name><Score>2.0</Score></pair>` +
		`<When>1700000000.5</When><Blob>AP8=</Blob><Item xsi:id="&quot;q&quot;"></Item>`
	got := string(appendXML(nil, p, reflect.ValueOf(in).Elem()))
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var back traitInput
	r := restInput{
		labels: map[string]string{"Label": "a", "Rest": "b/c"},
		query:  url.Values{"flag": {"true"}, "since": {"2024-01-01T00:00:00Z"}, "many": {"1", "2"}},
		header: http.Header{"If-Modified-Since": {"Sun, 06 Nov 1994 08:49:37 GMT"}},
		body:   []byte("<Put>" + got + "</Put>"),
	}
	if err := decodeREST(p, r, reflect.ValueOf(&back).Elem()); err != nil {
		t.Fatal(err)
	}
	if *back.Label != "a" || *back.Rest != "b/c" || !*back.Flag || back.Since.Year() != 2024 || len(back.Many) != 2 || back.Modified.Unix() != 784111777 {
		t.Errorf("bound members %+v", back)
	}
	back.Label, back.Rest, back.Flag, back.Since, back.Many, back.Modified = nil, nil, nil, nil, nil, nil
	if !reflect.DeepEqual(&back, in) {
		t.Errorf("round trip\ngot  %+v\nwant %+v", back, in)
	}
}

func TestREST_output(t *testing.T) {
	s, op := traitService(t, RESTXML)
	p := s.planner.plan(op.Handler.out)
	h := http.Header{}
	out := traitOutput{Tag: new("e1"), Code: new(int32(202)), Latest: At(time.Unix(784111777, 0)), Body: &traitItem{Name: new("n")}}
	body, status := encodeREST(s, op, p, reflect.ValueOf(&out).Elem(), h)
	if status != 202 || h.Get("ETag") != "e1" || h.Get("Last-Modified") != "Sun, 06 Nov 1994 08:49:37 GMT" {
		t.Errorf("status %d, header %v", status, h)
	}
	if want := xmlHeader + `<Body xmlns="urn:trait"><name>n</name></Body>`; string(body) != want {
		t.Errorf("body %s", body)
	}
	if body, status := encodeREST(s, op, p, reflect.ValueOf(&traitOutput{}).Elem(), h); len(body) != 0 || status != 200 {
		t.Errorf("empty payload: %d %q", status, body)
	}
}

func TestQuery_traits(t *testing.T) {
	for proto, want := range map[Protocol]url.Values{
		Query: {
			"FlatItem.1": {"a"}, "FlatItem.2": {"b"}, "FlatOwn.1.name": {"x"}, "FlatOwn.2.name": {"y"},
			"Listed.Entry.1.xsi:id": {"1"}, "Listed.Entry.1.name": {"<n>"},
			"Map.entry.1.key": {"j"}, "Map.entry.1.value": {""}, "Map.entry.2.key": {"k"}, "Map.entry.2.value": {"v"},
			"pair.1.Name": {"p"}, "pair.1.Score": {"0.5"}, "pair.2.Name": {"q"}, "pair.2.Score": {"2.0"},
			"When": {"1700000000.5"}, "Blob": {"AP8="}, "Item.xsi:id": {`"q"`}, "Action": {"Put"}, "Version": {"1"},
		},
	} {
		s, op := traitService(t, proto)
		in := fullInput()
		in.Listed = in.Listed[:1] // an empty structure has no parameter
		got, err := EncodeQuery(s, op, in)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		var back traitInput
		if err := decodeForm(s.planner.plan(op.Handler.in), got, reflect.ValueOf(&back).Elem(), false); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&back, in) {
			t.Errorf("round trip\ngot  %+v\nwant %+v", back, in)
		}
	}
}

func TestQuery_emptyListsAndGaps(t *testing.T) {
	s, op := traitService(t, Query)
	p := s.planner.plan(op.Handler.in)
	var in traitInput
	form := url.Values{"Listed": {""}, "FlatItem.9": {"b"}, "FlatItem.3": {"a"}, "Item": {""}, "Unknown.1": {"x"}}
	if err := decodeForm(p, form, reflect.ValueOf(&in).Elem(), false); err != nil {
		t.Fatal(err)
	}
	if in.Listed == nil || len(in.Listed) != 0 || !reflect.DeepEqual(in.Flat, []string{"a", "b"}) || in.Item == nil {
		t.Errorf("decoded %+v", in)
	}
}

func TestJSON_timestampFormats(t *testing.T) {
	type shape struct {
		Epoch *Time `json:"Epoch,omitzero"`
		ISO   *Time `json:"ISO,omitzero" wire:"ts=iso8601"`
		HTTP  *Time `json:"HTTP,omitzero" wire:"ts=rfc822"`
	}
	p := newPlanner(func() shapeTable { return nil }).plan(reflect.TypeFor[shape]())
	at := At(time.Unix(784111777, 0))
	got := appendJSON(nil, p, reflect.ValueOf(&shape{at, at, at}).Elem())
	const want = `{"Epoch":784111777,"ISO":"1994-11-06T08:49:37.000Z","HTTP":"Sun, 06 Nov 1994 08:49:37 GMT"}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	var back shape
	if err := decodeJSON(p, got, reflect.ValueOf(&back).Elem()); err != nil {
		t.Fatal(err)
	}
	if !back.Epoch.Equal(at.Time) || !back.ISO.Equal(at.Time) || !back.HTTP.Equal(at.Time) {
		t.Errorf("decoded %v", back)
	}
}

func TestJSON_stringsAndNumbers(t *testing.T) {
	type shape struct {
		S *string  `json:"s,omitzero"`
		F *float64 `json:"f,omitzero"`
		I *int32   `json:"i,omitzero"`
		L *int64   `json:"l,omitzero"`
	}
	p := newPlanner(func() shapeTable { return nil }).plan(reflect.TypeFor[shape]())
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x01", "é\u2028\u2029", "😀", "\u0000"} {
		want := shape{S: &s}
		b := appendJSON(nil, p, reflect.ValueOf(&want).Elem())
		var std struct{ S string }
		if err := json.Unmarshal(b, &std); err != nil || std.S != s {
			t.Errorf("encoding/json reads %s as %q, %v", b, std.S, err)
		}
		b, err := json.Marshal(map[string]string{"s": s})
		if err != nil {
			t.Fatal(err)
		}
		var got shape
		if err := decodeJSON(p, b, reflect.ValueOf(&got).Elem()); err != nil || *got.S != s {
			t.Errorf("%s decoded as %+v, %v", b, got, err)
		}
	}
	for in, want := range map[string]string{
		`{"i":3.0,"l":9007199254740993,"f":5}`: `{"f":5.0,"i":3,"l":9007199254740993}`,
		`{"f":"NaN"}`:                          `{"f":"NaN"}`, `{"f":"-Infinity"}`: `{"f":"-Infinity"}`, `{"f":1e-9}`: `{"f":1e-09}`,
		`{"i":2147483648}`: "NUMBER_VALUE can not be converted to an Integer", `{"i":1.5}`: "NUMBER_VALUE can not be converted to an Integer",
		`{"i":"1"}`: "STRING_VALUE can not be converted to an Integer", `{"l":true}`: "TRUE_VALUE can not be converted to a Long",
		`{"f":"x"}`: "STRING_VALUE can not be converted to a Double", `{"i":01}`: "unexpected character at position 6", `{"f":1e999}`: "NUMBER_VALUE can not be converted to a Double",
		`{"s":[]}`: "Start of list found where not expected", `{"s":"\ud800"}`: `{"s":"` + "\ufffd" + `"}`, `{"s":"\x"}`: "unexpected character at position 7",
	} {
		var v shape
		err := decodeJSON(p, []byte(in), reflect.ValueOf(&v).Elem())
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = sortedJSON(t, appendJSON(nil, p, reflect.ValueOf(&v).Elem()))
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

// sortedJSON orders members by name without touching the numbers.
func sortedJSON(t *testing.T, b []byte) string {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestError_helpers(t *testing.T) {
	base := &Error{Code: "X", Message: "m"}
	more := base.With("A", 1).With("B", "2")
	if len(base.Fields) != 0 || more.Fields["A"] != 1 || more.Fields["B"] != "2" || more.status() != 400 {
		t.Errorf("base %+v, more %+v", base, more)
	}
	if !more.Is(base) || more.Is(&Error{Code: "Y"}) {
		t.Error("Is compares codes")
	}
	if (&Error{Status: 503}).fault() != "Receiver" || (&Error{Status: 404}).fault() != "Sender" {
		t.Error("fault follows the status")
	}
}
