package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Time is a modelled timestamp. On the wire it is what the protocol or the
// member says: epoch seconds with a fraction of milliseconds in JSON, RFC 3339
// in XML and forms, tag 1 in CBOR. Its own JSON and CBOR methods write epoch
// seconds, for values that are stored or printed outside a request.
type Time struct{ time.Time }

// At returns t as a Time in UTC, cut to milliseconds as AWS does.
func At(t time.Time) *Time { return &Time{t.UTC().Truncate(time.Millisecond)} }

// The timestampFormat values of the models.
const (
	formatEpoch   = "unixTimestamp"
	formatISO8601 = "iso8601"
	formatHTTP    = "rfc822"
)

// maxEpoch bounds accepted times to the year 9999, which RFC 3339 can write.
const maxEpoch = 253402300799

// MarshalJSON writes epoch seconds.
func (t Time) MarshalJSON() ([]byte, error) { return t.appendEpoch(nil), nil }

// UnmarshalJSON reads epoch seconds or an RFC 3339 string.
func (t *Time) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		return t.parseISO(s)
	}
	return t.parseEpoch(string(b))
}

// MarshalCBOR writes tag 1 with a float, as RPC v2 CBOR asks.
func (t Time) MarshalCBOR() ([]byte, error) {
	return cbor.Marshal(cbor.Tag{Number: 1, Content: float64(t.UnixMilli()) / 1e3})
}

// UnmarshalCBOR reads tag 1 with an integer or a float.
func (t *Time) UnmarshalCBOR(b []byte) error {
	var tag cbor.RawTag
	if err := cbor.Unmarshal(b, &tag); err != nil {
		return err
	}
	if tag.Number != 1 {
		return fmt.Errorf("timestamp has tag %d, want 1", tag.Number)
	}
	var f float64
	if err := cbor.Unmarshal(tag.Content, &f); err != nil {
		return err
	}
	return t.setEpoch(f)
}

// appendEpoch writes seconds with only the fraction digits that are needed:
// 1700000000 or 1700000000.123.
func (t Time) appendEpoch(b []byte) []byte {
	ms := t.UnixMilli()
	if ms < 0 {
		return strconv.AppendFloat(b, float64(ms)/1e3, 'f', -1, 64)
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	frac := ms % 1000
	if frac == 0 {
		return b
	}
	b = append(b, '.', byte('0'+frac/100))
	if frac%100 != 0 {
		b = append(b, byte('0'+frac/10%10))
	}
	if frac%10 != 0 {
		b = append(b, byte('0'+frac%10))
	}
	return b
}

func (t *Time) parseEpoch(s string) error {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return fmt.Errorf("invalid timestamp %q", s)
	}
	return t.setEpoch(f)
}

func (t *Time) setEpoch(f float64) error {
	if math.IsNaN(f) || f < -maxEpoch || f > maxEpoch {
		return fmt.Errorf("timestamp %v is out of range", f)
	}
	t.Time = time.UnixMilli(int64(math.Round(f * 1e3))).UTC()
	return nil
}

func (t *Time) parseISO(s string) error {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02"} {
		if v, err := time.Parse(layout, s); err == nil {
			t.Time = v.UTC()
			return nil
		}
	}
	return fmt.Errorf("invalid timestamp %q", s)
}

// format writes the time as the given timestampFormat.
func (t Time) format(as string) string {
	switch as {
	case formatEpoch:
		return string(t.appendEpoch(nil))
	case formatHTTP:
		return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
	default:
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	}
}

// parse reads the given timestampFormat; clients that send seconds where text
// is expected are understood too, as AWS does.
func (t *Time) parse(s, as string) error {
	if as == formatHTTP {
		v, err := time.Parse(time.RFC1123, s)
		if err != nil {
			return fmt.Errorf("invalid timestamp %q", s)
		}
		t.Time = v.UTC()
		return nil
	}
	if as == formatEpoch || isNumber(s) {
		return t.parseEpoch(s)
	}
	return t.parseISO(s)
}

// isNumber tells 1700000000.5 from 2024-01-01.
func isNumber(s string) bool {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && s[i] != '.' {
			return false
		}
	}
	return s != ""
}
