package world

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"strings"
	"time"
)

// ChangeID is the id of a change of Route 53's, C…, without "/change/". It says
// itself which revision made the change and when, so that nothing has to be
// kept for GetChange: the change is INSYNC once the resolver serves the revision.
type ChangeID string

// A ChangeID is one number in base 36: the revision, the milliseconds since
// 1970 and a sum of both, by which numbers that somebody made up are told from
// ids that were given out.
const (
	changeDigits = 22
	changeTime   = 42 // bits
	changeSum    = 24 // bits
)

// NewChangeID is the id of a change that a revision makes.
func NewChangeID(revision int64, at time.Time) ChangeID {
	n := new(big.Int).SetInt64(revision)
	n.Lsh(n, changeTime).Or(n, big.NewInt(at.UnixMilli()))
	n.Lsh(n, changeSum).Or(n, big.NewInt(sumOfChange(revision, at.UnixMilli())))
	digits := strings.ToUpper(n.Text(36))
	return ChangeID("C" + strings.Repeat("0", max(0, changeDigits-len(digits))) + digits)
}

// Of is the revision that made the change and the time, or false for what was
// never an id.
func (id ChangeID) Of() (revision int64, at time.Time, ok bool) {
	digits, ok := strings.CutPrefix(string(id), "C")
	if !ok || len(digits) < changeDigits || digits != strings.ToUpper(digits) {
		return 0, time.Time{}, false
	}
	n, ok := new(big.Int).SetString(digits, 36)
	if !ok || n.Sign() < 0 {
		return 0, time.Time{}, false
	}
	sum := takeBits(n, changeSum)
	ms := takeBits(n, changeTime)
	if !n.IsInt64() || sum != sumOfChange(n.Int64(), ms) {
		return 0, time.Time{}, false
	}
	return n.Int64(), time.UnixMilli(ms).UTC(), true
}

// takeBits removes the lowest bits of n and returns them.
func takeBits(n *big.Int, bits uint) int64 {
	mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), bits), big.NewInt(1))
	low := new(big.Int).And(n, mask).Int64()
	n.Rsh(n, bits)
	return low
}

func sumOfChange(revision, ms int64) int64 {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(revision))
	binary.BigEndian.PutUint64(b[8:], uint64(ms))
	sum := sha256.Sum256(b[:])
	return int64(binary.BigEndian.Uint32(sum[:4]) >> (32 - changeSum))
}
