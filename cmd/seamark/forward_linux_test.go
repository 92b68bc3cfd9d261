package main

import "testing"

func TestPortPair(t *testing.T) {
	local, remote, err := portPair("8080:80")
	if local != 8080 || remote != 80 || err != nil {
		t.Errorf("8080:80 is %d, %d, %v", local, remote, err)
	}
	for _, s := range []string{"", "80", "80:", ":80", "1:0", "1:65536", "a:b"} {
		if _, _, err := portPair(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
