// Package optional reads and makes the pointers that stand for optional members
// of requests and responses: nil is a member that is absent.
package optional

// Or is what p points to, or otherwise.
func Or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// Value is what p points to, or the zero value.
func Value[T any](p *T) T {
	var zero T
	return Or(p, zero)
}

// Text is a member that is absent where s is empty.
func Text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
