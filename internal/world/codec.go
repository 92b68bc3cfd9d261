package world

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/fxamacker/cbor/v2"
)

// The stored form of an object is CBOR (RFC 8949): a map from the names of its
// struct's fields. What has no field is ignored and what is missing stays zero,
// so that fields can be added. An object that format 1 wrote is the JSON of the
// same struct: it begins with "{", which is the head of no map in CBOR.

// codec is the stored form of all kinds.
type codec struct {
	encode cbor.EncMode
	decode cbor.DecMode
}

func newCodec() codec {
	encode, err := cbor.EncOptions{
		// As in JSON: text of 20 to 30 characters, exact to the nanosecond.
		Time: cbor.TimeRFC3339Nano,
	}.EncMode()
	if err != nil {
		panic(fmt.Sprintf("world: %v", err)) // the options are constants
	}
	decode, err := cbor.DecOptions{
		// What is read was written by Encode: its limits are the log's.
		MaxArrayElements:  math.MaxInt32,
		MaxMapPairs:       math.MaxInt32,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		// Strings are kept as they are, whatever bytes they are of.
		UTF8: cbor.UTF8DecodeInvalid,
	}.DecMode()
	if err != nil {
		panic(fmt.Sprintf("world: %v", err))
	}
	return codec{encode, decode}
}

// stored is never changed.
var stored = newCodec()

// Encode returns the stored form of an object.
func Encode(o Object) ([]byte, error) {
	b, err := stored.encode.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s %q: %w", o.Kind(), o.Key(), err)
	}
	return b, nil
}

// Decode makes an object of that kind from its stored form, be it of today or
// of format 1.
func Decode(name Kind, b []byte) (Object, error) {
	k, ok := kinds[name]
	if !ok {
		return nil, fmt.Errorf("kind %q: %w", name, ErrNotFound)
	}
	o := k.make()
	var err error
	if len(b) > 0 && b[0] == '{' {
		err = json.Unmarshal(b, o)
	} else {
		err = stored.decode.Unmarshal(b, o)
	}
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	return o, nil
}
