package plan

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Draw gives the ids of new objects out of a seed that the caller drew at
// random: planners stay deterministic, ids stay unique.
type Draw struct {
	seed [32]byte
	n    uint64
}

// NewDraw returns the ids that belong to seed.
func NewDraw(seed [32]byte) *Draw { return &Draw{seed: seed} }

// block returns the next 32 bytes.
func (d *Draw) block() [32]byte {
	var b [40]byte
	copy(b[:], d.seed[:])
	binary.BigEndian.PutUint64(b[32:], d.n)
	d.n++
	return sha256.Sum256(b[:])
}

// Hex returns n lower-case hexadecimal digits, n at most 64.
func (d *Draw) Hex(n int) string {
	b := d.block()
	return hex.EncodeToString(b[:])[:n]
}

// Bytes returns n bytes, n at most 32.
func (d *Draw) Bytes(n int) []byte {
	b := d.block()
	return b[:n]
}

// EC2 returns an id of EC2's form: the prefix, "-" and 17 hexadecimal digits.
func (d *Draw) EC2(prefix string) string { return prefix + "-" + d.Hex(17) }

// UUID returns a version 4 UUID.
func (d *Draw) UUID() string {
	b := d.block()
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Digits returns n decimal digits, the first not 0, n at most 19.
func (d *Draw) Digits(n int) string {
	b := d.block()
	digits := make([]byte, n)
	for i := range digits {
		digits[i] = '0' + b[i]%10
	}
	if n > 0 && digits[0] == '0' {
		digits[0] = '1' + b[31]%9
	}
	return string(digits)
}

// Base32 returns n characters of a-z and 2-7, as Cloud Map's ids have them, n
// at most 51.
func (d *Draw) Base32(n int) string {
	b := d.block()
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:n]
}

// Upper returns n characters of A-Z and 0-9, as Route 53's ids have them, n at
// most 32.
func (d *Draw) Upper(n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := d.block()
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[int(b[i])%len(letters)]
	}
	return string(out)
}

// MAC returns a locally administered unicast MAC address.
func (d *Draw) MAC() string {
	b := d.block()
	return fmt.Sprintf("0a:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4])
}
