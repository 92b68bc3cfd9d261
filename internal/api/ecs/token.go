package ecs

import (
	"fmt"
	"time"

	"seamark/internal/plan"
	"seamark/internal/world"
)

// tokenLife is how long an idempotency token is remembered.
const tokenLife = 24 * time.Hour

// checkToken checks the form of an idempotency token.
func checkToken(token *string, longest int) error {
	if token == nil {
		return nil
	}
	if !matches(fmt.Sprintf(`^[!-~]{1,%d}$`, longest), *token) {
		return invalid("clientToken must have 1 to %d ASCII characters in the range 33-126.", longest)
	}
	return nil
}

// remembered is what a token made, if it is still remembered.
func remembered(d *plan.Draft, operation string, token *string) *world.Token {
	if token == nil {
		return nil
	}
	t := d.World.Tokens.Get((&world.Token{Operation: operation, Token: *token}).Key())
	if t == nil || d.Now.Sub(t.CreatedAt) >= tokenLife {
		return nil
	}
	return t
}

func remember(d *plan.Draft, operation string, token *string, print string, results []string) {
	if token == nil {
		return
	}
	d.Put(&world.Token{Operation: operation, Token: *token, Fingerprint: print, Results: results, CreatedAt: d.Now})
}
