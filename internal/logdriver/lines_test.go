package logdriver

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// cutInto feeds text in pieces of the given size and returns the lines.
func cutInto(text string, size int) []string {
	var out []string
	l := lines{emit: func(b []byte) { out = append(out, string(b)) }}
	for p := []byte(text); len(p) > 0; {
		n := min(size, len(p))
		l.write(p[:n])
		p = p[n:]
	}
	l.flush()
	return out
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{"a\nb\n", []string{"a", "b"}},
		{"a\r\n\r\nb", []string{"a", "", "b"}},
		{"no end", []string{"no end"}},
		{"\n\n", []string{"", ""}},
		{"a\rb\n", []string{"a\rb"}},
		{long + "\nb\n", []string{long, "b"}},
		{long + "y\nb\n", []string{long, "y", "b"}},
		{long + long + "z", []string{long, long, "z"}},
	} {
		for _, size := range []int{1, 7, 4096, 32 << 10, 1 << 20} {
			if size == 1 && len(c.text) > 1000 {
				continue
			}
			if got := cutInto(c.text, size); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%.20q... in pieces of %d: %d lines, want %d", c.text, size, len(got), len(c.want))
			}
		}
	}
}

// However the stream is cut into reads, the same lines come out.
func TestLines_DoNotDependOnReads(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var b bytes.Buffer
		for range r.IntN(20) {
			fmt.Fprintf(&b, "%s\n", strings.Repeat("q", r.IntN(200)))
		}
		want := cutInto(b.String(), 1<<20)
		if got := cutInto(b.String(), 1+r.IntN(300)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: got %q, want %q", b.String(), got, want)
		}
	}
}

func TestURI_ComesBackFromTheShimsArguments(t *testing.T) {
	uri := URI("/opt/sea mark/seamark", "/var/lib/a&b=c d/é", 1234)
	args := shimArgs(t, uri)
	if args[0] != Command {
		t.Fatalf("first argument is %q, want the subcommand", args[0])
	}
	dir, maxBytes, err := parse(args[1:])
	if err != nil || dir != "/var/lib/a&b=c d/é" || maxBytes != 1234 {
		t.Errorf("%q, %d, %v", dir, maxBytes, err)
	}
	for _, bad := range [][]string{nil, {""}, {"max-bytes=1"}, {"dir=/x&max-bytes=y"}, {"dir=/x", "more"}} {
		if _, _, err := parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
