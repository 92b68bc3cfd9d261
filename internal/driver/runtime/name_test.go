package runtime

import (
	"errors"
	"testing"
)

func TestFullImageName(t *testing.T) {
	digest := "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for ref, want := range map[string]string{
		"nginx":                         "docker.io/library/nginx:latest",
		"nginx:1.27":                    "docker.io/library/nginx:1.27",
		"team/app":                      "docker.io/team/app:latest",
		"docker.io/library/nginx":       "docker.io/library/nginx:latest",
		"registry.test/app":             "registry.test/app:latest",
		"localhost:5000/app:x":          "localhost:5000/app:x",
		"nginx@" + digest:               "docker.io/library/nginx@" + digest,
		"nginx:1.27@" + digest:          "docker.io/library/nginx@" + digest,
		"123456789012.dkr.ecr.test/a/b": "123456789012.dkr.ecr.test/a/b:latest",
	} {
		got, err := FullImageName(ref)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", ref, got, err, want)
		}
	}
	for _, bad := range []string{"", "UPPER", "a//b", "a:b:c", "-x"} {
		if got, err := FullImageName(bad); err == nil {
			t.Errorf("%q became %s", bad, got)
		}
	}
	if got := ShortImageName("docker.io/library/nginx:latest"); got != "nginx:latest" {
		t.Errorf("short name %s", got)
	}
}

func TestImageError_KeepsTheWords(t *testing.T) {
	cause := errors.New("no such thing")
	err := ImageError(cause)
	if err.Error() != "no such thing" || !errors.Is(err, ErrImage) || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}
