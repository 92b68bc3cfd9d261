package world

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Token remembers what an idempotency token made, so that a repeated request
// is answered with the same thing.
type Token struct {
	Operation   string // "ecs:RunTask"
	Token       string
	Fingerprint string // Fingerprint of the request's parameters
	Results     []string
	CreatedAt   time.Time
}

func (t *Token) Kind() Kind  { return KindToken }
func (t *Token) Key() string { return t.Operation + "/" + t.Token }

// Fingerprint is the same for requests with the same parameters.
func Fingerprint(params any) string {
	b, err := json.Marshal(params)
	if err != nil {
		return err.Error() // a type that does not marshal never does: still the same
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
