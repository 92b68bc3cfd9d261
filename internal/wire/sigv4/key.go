package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// maxCachedKeys bounds the cache; when it is full, it starts anew. A server has
// a key per access key, day, region and service in use.
const maxCachedKeys = 4096

// keyCache keeps derived signing keys, which cost four HMACs each. The secret
// is part of the cache's key, so a changed secret finds nothing stale.
type keyCache struct {
	mu   sync.RWMutex
	keys map[cacheKey][]byte
}

type cacheKey struct{ secret, date, region, service string }

func (c *keyCache) get(secret string, s Scope) []byte {
	k := cacheKey{secret, s.Date, s.Region, s.Service}
	c.mu.RLock()
	key, ok := c.keys[k]
	c.mu.RUnlock()
	if ok {
		return key
	}
	key = deriveKey(secret, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxCachedKeys {
		c.keys = map[cacheKey][]byte{}
	}
	c.keys[k] = key
	return key
}

func deriveKey(secret string, s Scope) []byte {
	key := mac([]byte("AWS4"+secret), s.Date)
	key = mac(key, s.Region)
	key = mac(key, s.Service)
	return mac(key, terminator)
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}

// sign computes the signature of a canonical request.
func sign(key []byte, s signature, canonicalRequest []byte) []byte {
	hash := sha256.Sum256(canonicalRequest)
	b := make([]byte, 0, 192)
	b = append(b, algorithm+"\n"...)
	b = append(s.at.AppendFormat(b, timeFormat), '\n')
	b = append(append(append(b, s.Date...), '/'), s.Region...)
	b = append(append(append(b, '/'), s.Service...), "/"+terminator+"\n"...)
	b = hex.AppendEncode(b, hash[:])
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)
}

func hexHash(h [32]byte) string { return hex.EncodeToString(h[:]) }
