package etcd

import (
	"encoding/binary"
	"errors"

	"seamark/internal/store"
	"seamark/internal/world"
)

// Writes are stored one after the other, in the journal as in a checkpoint's
// chunks:
//
//	kind   length, bytes
//	key    length, bytes
//	value  length + 1, bytes; 0: the object is deleted
//
// Lengths are unsigned LEB128 numbers (encoding/binary's uvarint).

var errTorn = errors.New("a stored write is not whole")

func appendWrite(b []byte, w store.Write) []byte {
	b = append(binary.AppendUvarint(b, uint64(len(w.Kind))), w.Kind...)
	b = append(binary.AppendUvarint(b, uint64(len(w.Key))), w.Key...)
	if w.Value == nil {
		return append(b, 0)
	}
	return append(binary.AppendUvarint(b, uint64(len(w.Value))+1), w.Value...)
}

// parseWrites calls each for every write in b. Values are parts of b.
func parseWrites(b []byte, each func(store.Write) error) error {
	for len(b) > 0 {
		var w store.Write
		kind, rest, err := cut(b, 0)
		if err != nil {
			return err
		}
		key, rest, err := cut(rest, 0)
		if err != nil {
			return err
		}
		w.Kind, w.Key = world.Kind(kind), string(key)
		if w.Value, b, err = cut(rest, 1); err != nil {
			return err
		}
		if err := each(w); err != nil {
			return err
		}
	}
	return nil
}

// cut takes a length, from which bias is taken, and so many bytes from b. With a
// bias a length of 0 is nil.
func cut(b []byte, bias uint64) (taken, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return nil, nil, errTorn
	}
	b = b[size:]
	if n < bias {
		return nil, b, nil
	}
	if n -= bias; n > uint64(len(b)) {
		return nil, nil, errTorn
	}
	return b[:n:n], b[n:], nil
}

// appendEntry is the journal's form of a batch: the revision that it was made on,
// and its writes.
func appendEntry(b []byte, batch store.Batch) []byte {
	b = binary.AppendUvarint(b, uint64(batch.Base))
	for _, w := range batch.Writes {
		b = appendWrite(b, w)
	}
	return b
}

// parseEntry returns the revision that an entry was made on, and calls each for its
// writes.
func parseEntry(b []byte, each func(store.Write) error) (base int64, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 {
		return 0, errTorn
	}
	return int64(n), parseWrites(b[size:], each)
}
