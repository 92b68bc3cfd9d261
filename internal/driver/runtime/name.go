package runtime

import (
	"fmt"

	"github.com/distribution/reference"
)

// FullImageName returns the full name of an image reference as Docker reads it:
// nginx is docker.io/library/nginx:latest. With a digest the tag means nothing.
func FullImageName(ref string) (string, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", fmt.Errorf("invalid reference %q: %w", ref, err)
	}
	if digested, ok := named.(reference.Canonical); ok {
		named, err = reference.WithDigest(reference.TrimNamed(named), digested.Digest())
		if err != nil {
			return "", fmt.Errorf("invalid reference %q: %w", ref, err)
		}
		return named.String(), nil
	}
	return reference.TagNameOnly(named).String(), nil
}

// ShortImageName is the short form of a full name: what a user would type.
func ShortImageName(name string) string {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name // somebody else's image with a name that Docker would not take
	}
	return reference.FamiliarString(named)
}
