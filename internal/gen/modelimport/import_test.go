package main

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const source = `{
 "metadata": {"apiVersion":"2020-01-01","endpointPrefix":"thing","protocol":"rest-xml","protocols":["rest-xml"],"serviceFullName":"Things","serviceId":"Thing"},
 "operations": {
  "PutThing": {"name":"PutThing","http":{"method":"PUT","requestUri":"/2020-01-01/thing/{Id}","responseCode":201},
   "input":{"shape":"PutThingRequest","locationName":"PutThingRequest","xmlNamespace":{"uri":"x"}},"output":{"shape":"PutThingResponse"},
   "errors":[{"shape":"Zap"},{"shape":"NoSuchThing"}],"documentation":"<p>Long text.</p>","endpoint":{"hostPrefix":"data-"}},
  "ListThings": {"name":"ListThings","http":{"method":"GET","requestUri":"/2020-01-01/thing"},"output":{"shape":"Unused"}}
 },
 "shapes": {
  "PutThingRequest": {"type":"structure","required":["Name","Id"],"members":{
    "Id":{"shape":"Id","location":"uri","locationName":"Id"},"Name":{"shape":"Name","documentation":"text","idempotencyToken":true},"Parts":{"shape":"Parts","locationName":"parts"}}},
  "PutThingResponse": {"type":"structure","members":{"Self":{"shape":"PutThingResponse"}}},
  "Parts": {"type":"list","member":{"shape":"Name","locationName":"item"},"max":5,"flattened":true},
  "Id": {"type":"string","max":32}, "Name": {"type":"string","min":1,"pattern":"[a-z<>]+","enum":["b","a"],"sensitive":true},
  "Zap": {"type":"structure","exception":true,"fault":true,"members":{}},
  "NoSuchThing": {"type":"structure","exception":true,"error":{"code":"Gone","httpStatusCode":404,"senderFault":true},"members":{"message":{"shape":"Name"}}},
  "Unused": {"type":"structure","members":{}}
 }}`

func writeSource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, date := range []string{"2019-01-01", "2020-01-01"} {
		at := filepath.Join(dir, "thing", date)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write([]byte(source)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "service-2.json.gz"), z.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pages := `{"pagination":{"PutThing":{"input_token":"A","output_token":["B","C"],"limit_key":"Max","result_key":"Parts"}}}`
	if err := os.WriteFile(filepath.Join(dir, "thing", "2020-01-01", "paginators-1.json"), []byte(pages), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestImport_scopedService(t *testing.T) {
	dir := writeSource(t)
	m, err := importService(dir, "thing", "9.9", []string{"PutThing"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
"source": {"package":"botocore","version":"9.9","path":"thing/2020-01-01/service-2.json.gz"},
"service": {"id":"Thing","fullName":"Things","apiVersion":"2020-01-01","signingName":"thing","protocols":["rest-xml"],"xmlNamespace":"https://thing.amazonaws.com/doc/2020-01-01/"},
"operations": {
"PutThing": {"method":"PUT","uri":"/2020-01-01/thing/{Id}","status":201,"input":"PutThingRequest","output":"PutThingResponse","errors":["NoSuchThing","Zap"],"inputRoot":"PutThingRequest","hostPrefix":"data-","paginator":{"inputToken":["A"],"outputToken":["B","C"],"limitKey":"Max","resultKey":["Parts"]}}
},
"others": ["ListThings"],
"shapes": {
"Id": {"type":"string","max":32},
"Name": {"type":"string","enum":["b","a"],"min":1,"pattern":"[a-z<>]+","sensitive":true},
"NoSuchThing": {"type":"structure","members":{"message":{"shape":"Name"}},"exception":true,"error":{"code":"Gone","status":404,"senderFault":true}},
"Parts": {"type":"list","member":{"shape":"Name","locationName":"item"},"max":5,"flattened":true},
"PutThingRequest": {"type":"structure","members":{"Id":{"shape":"Id","locationName":"Id","location":"uri"},"Name":{"shape":"Name","idempotencyToken":true},"Parts":{"shape":"Parts","locationName":"parts"}},"required":["Id","Name"]},
"PutThingResponse": {"type":"structure","members":{"Self":{"shape":"PutThingResponse"}}},
"Zap": {"type":"structure","exception":true,"fault":true}
}
}
`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestImport_scopeNamesMustExist(t *testing.T) {
	if _, err := importService(writeSource(t), "thing", "9.9", []string{"MakeCoffee"}); err == nil {
		t.Error("an unknown operation in the scope was accepted")
	}
	if _, err := importService(t.TempDir(), "thing", "9.9", nil); err == nil {
		t.Error("a missing model was accepted")
	}
}

func TestReadScope(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(path, []byte("# all\nA B # two\n\nC\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readScope(path)
	if err != nil || !slices.Equal(got, []string{"A", "B", "C"}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := readScope(path + ".none"); err != nil || got != nil {
		t.Errorf("no file: %v, %v", got, err)
	}
}
