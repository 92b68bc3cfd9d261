package wire

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/fxamacker/cbor/v2"
)

// cborCodec reads and writes RPC v2 CBOR bodies. The generated structs' json
// tags serve CBOR as they are, so the library's own reflection is used.
type cborCodec struct {
	dec cbor.DecMode
	enc cbor.EncMode
}

func newCBORCodec() (*cborCodec, error) {
	dec, err := cbor.DecOptions{
		MaxNestedLevels:   64,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 20,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("cbor decoder: %w", err)
	}
	enc, err := cbor.EncOptions{}.EncMode()
	if err != nil {
		return nil, fmt.Errorf("cbor encoder: %w", err)
	}
	return &cborCodec{dec: dec, enc: enc}, nil
}

// decode reads a body into the struct v. An empty body is an empty map.
func (c *cborCodec) decode(body []byte, v reflect.Value) error {
	if len(body) == 0 {
		return nil
	}
	if body[0]>>5 != 5 { // major type 5 is a map
		return errors.New("the body is not a map")
	}
	if err := c.dec.Unmarshal(body, v.Addr().Interface()); err != nil {
		return cborError(err)
	}
	return nil
}

// cborError keeps Go's type names out of messages.
func cborError(err error) error {
	if t, ok := errors.AsType[*cbor.UnmarshalTypeError](err); ok {
		return fmt.Errorf("a value of type %s can not be converted", t.CBORType)
	}
	return err
}

func (c *cborCodec) encode(v any) ([]byte, error) {
	b, err := c.enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode cbor: %w", err)
	}
	return b, nil
}
