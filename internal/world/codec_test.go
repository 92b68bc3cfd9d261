package world

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// full sets every field below v to something that no other field has. Kinds of
// fields that it does not know fail the test: the stored form is to be checked
// with them.
func full(t *testing.T, v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 26, 19, 0, 0, *n, time.UTC)))
		return
	case netip.Addr:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{10, 0, byte(*n >> 8), byte(*n)})))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("2001:db8::/32")))
		return
	case json.RawMessage:
		v.SetBytes(fmt.Appendf(nil, `{"n":%d}`, *n))
		return
	case netip.AddrPort:
		v.Set(reflect.ValueOf(netip.MustParseAddrPort("10.0.0.1:53")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d\xff", *n)) // no UTF-8
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(*n) % 256)
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(t, v.Elem(), n)
	case reflect.Struct:
		for _, f := range v.Fields() {
			full(t, f, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			full(t, v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		full(t, key, n)
		full(t, value, n)
		v.SetMapIndex(key, value)
	default:
		t.Fatalf("a field of type %v", v.Type())
	}
}

// same compares two objects to the last field; addresses have hidden ones.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestCodec_EveryFieldOfEveryKind(t *testing.T) {
	for _, name := range Kinds() {
		n := 0
		o := kinds[name].make()
		full(t, reflect.ValueOf(o).Elem(), &n)
		for what, o := range map[string]Object{"full": o, "empty": kinds[name].make()} {
			b, err := Encode(o)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(name, b)
			if err != nil {
				t.Fatalf("%s %s: %v", what, name, err)
			}
			same(t, what+" "+string(name), back, o)
		}
	}
}

// Format 1 wrote JSON. It knew no string that is not UTF-8.
func TestDecode_JSON(t *testing.T) {
	for _, name := range Kinds() {
		n := 0
		o := kinds[name].make()
		full(t, reflect.ValueOf(o).Elem(), &n)
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		want := kinds[name].make()
		if err := json.Unmarshal(b, want); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(name, b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, string(name), got, want)
	}
}

// What is stored must stay readable: this is what is on disks.
func TestDecode_Golden(t *testing.T) {
	want := &DiscoveryInstance{
		Service: "srv-4zjngmrekza2lq6w", ID: "i-1", Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.0.1"}, Health: Healthy, WasHealthy: true,
		CreatedAt: time.Date(2026, 11, 26, 19, 42, 40, 123456789, time.UTC), Ports: []NamedPort{{Name: "web", Protocol: "http", Port: 8080}},
	}
	for name, text := range map[string]string{
		"format 1": hex.EncodeToString([]byte(goldenJSON)),
		"format 2": goldenCBOR,
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(KindDiscoveryInstance, b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, name, got, want)
	}
	b, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(b); got != goldenCBOR {
		t.Errorf("encoded:\n%s\nexpected\n%s", got, goldenCBOR)
	}
}

const (
	goldenJSON = `{"Service":"srv-4zjngmrekza2lq6w","ID":"i-1","Attributes":{"AWS_INSTANCE_IPV4":"10.0.0.1"},"CreatorRequestID":"","Health":"HEALTHY",` +
		`"WasHealthy":true,"Pending":"","PendingAt":"0001-01-01T00:00:00Z","Operation":"","Ports":[{"Name":"web","Protocol":"http","Port":8080}],` +
		`"CreatedAt":"2026-11-26T19:42:40.123456789Z","OfALaterVersion":{"A":[1]}}`
	goldenCBOR = "ab6753657276696365747372762d347a6a6e676d72656b7a61326c71367762494463692d316a41747472696275746573a1714157535f494e5354414e" +
		"43455f495056346831302e302e302e317043726561746f7252657175657374494460664865616c7468674845414c5448596a5761734865616c746879" +
		"f56750656e64696e67606950656e64696e674174f6694f7065726174696f6e6065506f72747381a3644e616d65637765626850726f746f636f6c6468" +
		"74747064506f7274191f9069437265617465644174781e323032362d31312d32365431393a34323a34302e3132333435363738395a"
)

func TestDecode_Refuses(t *testing.T) {
	for what, b := range map[string][]byte{
		"nothing": nil, "half JSON": []byte(`{"ID":"i`), "half CBOR": {0xa1, 0x62, 'I'}, "text": {0x61, 'a'}, "another type": {0xa1, 0x62, 'I', 'D', 0xf5},
	} {
		if o, err := Decode(KindDiscoveryInstance, b); err == nil {
			t.Errorf("%s: %v", what, o)
		}
	}
}
