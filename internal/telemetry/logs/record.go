package logs

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"unicode/utf8"
)

// MaxMessage is the most bytes that one event holds: AWS's limit of 1 MiB less
// the 26 bytes that it counts for each event. Append splits longer messages.
const MaxMessage = 1<<20 - 26

// header begins every segment.
const header = "SMKLOG1\n"

// recordHeader is the size of what stands before a message.
const recordHeader = 24

// maxTime is the last timestamp that an event id can hold, in the year 2286.
const maxTime = 9_999_999_999_999

// errTorn says that what follows is not a whole record: the writer is at work,
// it died, or the disk lost something.
var errTorn = errors.New("torn record")

// record is one event as it lies in a segment.
type record struct {
	time      int64 // milliseconds since 1970
	ingested  int64
	message   []byte // valid until the next read
	off, next int64  // where it begins and ends in the segment
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendRecord adds the stored form of an event to b.
func appendRecord(b []byte, t, ingested int64, message []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(message)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(clampTime(t)))
	b = binary.LittleEndian.AppendUint64(b, uint64(clampTime(ingested)))
	b = append(b, message...)
	binary.LittleEndian.PutUint32(b[at+4:], checksum(b[at:]))
	return b
}

func checksum(rec []byte) uint32 {
	table := castagnoli()
	return crc32.Update(crc32.Checksum(rec[:4], table), table, rec[8:])
}

func clampTime(ms int64) int64 { return min(max(ms, 0), maxTime) }

// cut splits what exceeds one event, not inside a character where that can be
// helped.
func cut(message []byte) (first, rest []byte) {
	if len(message) <= MaxMessage {
		return message, nil
	}
	n := MaxMessage
	for n > MaxMessage-utf8.UTFMax && !utf8.RuneStart(message[n]) {
		n--
	}
	return message[:n], message[n:]
}

// scanner reads records one after the other through a small buffer.
type scanner struct {
	src io.ReaderAt
	off int64  // of the next record
	buf []byte // bytes of the segment from off
	mem []byte
}

// chunk is how much a scanner reads at once.
const chunk = 64 << 10

func newScanner(src io.ReaderAt, off int64) *scanner {
	return &scanner{src: src, off: off}
}

// next returns the record at the scanner's place. io.EOF is a clean end;
// errTorn is an end inside a record, after which next may be called again.
func (s *scanner) next() (record, error) {
	if s.off == 0 {
		if err := s.fill(len(header)); err != nil {
			return record{}, err
		}
		if string(s.buf[:len(header)]) != header {
			return record{}, errTorn
		}
		s.skip(len(header))
	}
	if err := s.fill(recordHeader); err != nil {
		return record{}, err
	}
	size := int(binary.LittleEndian.Uint32(s.buf))
	if size > MaxMessage {
		s.buf = nil
		return record{}, errTorn
	}
	whole := recordHeader + size
	if err := s.fill(whole); err != nil {
		return record{}, err
	}
	rec := s.buf[:whole]
	if checksum(rec) != binary.LittleEndian.Uint32(rec[4:]) {
		s.buf = nil
		return record{}, errTorn
	}
	r := record{
		time:     int64(binary.LittleEndian.Uint64(rec[8:])),
		ingested: int64(binary.LittleEndian.Uint64(rec[16:])),
		message:  rec[recordHeader:],
		off:      s.off,
		next:     s.off + int64(whole),
	}
	s.skip(whole)
	return r, nil
}

func (s *scanner) skip(n int) {
	s.buf = s.buf[n:]
	s.off += int64(n)
}

// fill makes at least n bytes available. With none left it is io.EOF, with
// fewer errTorn; the buffer is dropped then, so that a later call reads anew.
func (s *scanner) fill(n int) error {
	if len(s.buf) >= n {
		return nil
	}
	want := max(n, chunk)
	if cap(s.mem) < want {
		s.mem = make([]byte, 0, want)
	}
	have := copy(s.mem[:want], s.buf)
	got, err := s.src.ReadAt(s.mem[have:want], s.off+int64(have))
	s.buf = s.mem[:have+got]
	if len(s.buf) >= n {
		return nil
	}
	torn := len(s.buf) > 0
	s.buf = nil
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case torn:
		return errTorn
	default:
		return io.EOF
	}
}
