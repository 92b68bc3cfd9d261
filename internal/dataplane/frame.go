package dataplane

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
)

// Protocol is the version of what is spoken over the socket. A data plane that
// speaks another one is replaced, so it changes with every change of the
// messages that the other side would misread.
const Protocol = 3

// maxFrame bounds a message: 100,000 instances with SRV records are about 40 MB.
const maxFrame = 1 << 30

// hello is the data plane's first message on a connection.
type hello struct {
	Service  string // serviceName
	Protocol int
	PID      int
}

const serviceName = "seamark dataplane"

// request is a message of the control plane. One of the fields besides ID is
// set, or none to ask for the status.
type request struct {
	ID          uint64 // from 1
	Replace     *replaceRequest
	Sync        *syncRequest
	TakeQueries bool
}

type replaceRequest struct {
	Revision int64
	Snapshot Snapshot
}

type syncRequest struct {
	Revision int64
	Changes  []Change
}

// response answers the request of the same ID. ID 0 brings a status that
// nobody asked for, once a second.
type response struct {
	ID      uint64
	Ack     *Ack
	Status  *Status
	Queries *queries
	Error   string
	// NeedSnapshot: the error is ErrNeedSnapshot.
	NeedSnapshot bool
}

type queries struct {
	Records []Query
	Dropped uint64
}

// frame is a length and a message in CBOR (RFC 8949).
func frame(message any) ([]byte, error) {
	b, err := encode(message)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", message, err)
	}
	if len(b) > maxFrame {
		return nil, fmt.Errorf("a message of %d octets is too large", len(b))
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(b)), uint32(len(b))), b...), nil
}

func readFrame(r io.Reader, message any) error {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n > maxFrame {
		return fmt.Errorf("a message of %d octets is too large", n)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	if err := decode(b, message); err != nil {
		return fmt.Errorf("decode %T: %w", message, err)
	}
	return nil
}

func encode(v any) ([]byte, error) {
	mode, err := cbor.EncOptions{Time: cbor.TimeRFC3339Nano}.EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(v)
}

func decode(b []byte, v any) error {
	const many = 1 << 28
	mode, err := cbor.DecOptions{MaxArrayElements: many, MaxMapPairs: many}.DecMode()
	if err != nil {
		return err
	}
	return mode.Unmarshal(b, v)
}
