package main

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"

	"seamark/internal/store"
	"seamark/internal/wire/sigv4"
	"seamark/internal/world"
)

// accessKey returns the key pair of this instance and makes it at the first start.
func accessKey(ctx context.Context, s store.Store, scope world.Scope) (*world.AccessKey, error) {
	for k := range s.View().AccessKeys.All() {
		return k, nil
	}
	k := &world.AccessKey{
		ID:           "AKIA" + base32.StdEncoding.EncodeToString(random(10)),
		Secret:       base64.StdEncoding.EncodeToString(random(30)),
		UserID:       "AIDA" + base32.StdEncoding.EncodeToString(random(10)),
		PrincipalARN: scope.GlobalARN("iam", "user/seamark"),
	}
	_, err := s.Update(ctx, func(tx *store.Tx) error {
		k.CreatedAt = tx.Now
		tx.Put(k)
		return nil
	})
	return k, err
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

// keys looks access keys up in the world.
type keys struct {
	store   store.Store
	account string
}

func (k keys) Lookup(_ context.Context, id string) (sigv4.Credential, bool) {
	key := k.store.View().AccessKeys.Get(id)
	if key == nil {
		return sigv4.Credential{}, false
	}
	return sigv4.Credential{Secret: key.Secret, PrincipalARN: key.PrincipalARN, UserID: key.UserID, Account: k.account}, true
}
