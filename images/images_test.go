package images_test

import (
	"strings"
	"syscall"
	"testing"
)

func TestTestbox(t *testing.T) {
	e := startEngine(t)
	img := e.load(t, "testbox.tar", "docker.io/seamark/testbox:latest")
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"exit", []string{"/testbox", "exit", "7"}, 7, ""},
		{"path", []string{"testbox", "exit", "0"}, 0, ""},
		{"usage", []string{"/testbox"}, 64, "usage:"},
		{"spam", []string{"/testbox", "spam", "3"}, 0, "line 3 of 3\n"},
		{"env", []string{"/testbox", "env"}, 0, "PATH=/\n"},
		{"seccomp", []string{"/testbox", "id"}, 0, "Seccomp:\t2\n"},
		{"nofile", []string{"/testbox", "cat", "/none"}, 1, "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctr := e.start(t, img, "testbox-"+c.name, c.args)
			if code := ctr.wait(t); code != c.code {
				t.Errorf("exit code %d, want %d; output:\n%s", code, c.code, ctr.output)
			}
			if out := ctr.output.String(); !strings.Contains(out, c.want) {
				t.Errorf("output %q lacks %q", out, c.want)
			}
		})
	}
	t.Run("serve", func(t *testing.T) {
		serve(t, e.start(t, img, "testbox-serve", []string{"/testbox", "serve", "8080", "hello"}))
	})
	t.Run("trap", func(t *testing.T) {
		ctr := e.start(t, img, "testbox-trap", []string{"/testbox", "trap"})
		ctr.waitOutput(t, "trap: ready")
		stop(t, ctr, syscall.SIGTERM, 0)
	})
}

// serve exercises the HTTP server from inside its own container.
func serve(t *testing.T, ctr container) {
	ctr.waitOutput(t, "listening")
	const url = "http://127.0.0.1:8080"
	step := func(want int, text string, args ...string) {
		t.Helper()
		if code, out := ctr.exec(t, args...); code != want || !strings.Contains(out, text) {
			t.Fatalf("%v: exit code %d, output %q, want %d and %q", args, code, out, want, text)
		}
	}
	step(0, "hello testbox-serve\n", "/testbox", "get", url)
	step(0, "", "/testbox", "health", url+"/health")
	step(0, "ok", "/testbox", "get", url+"/unhealthy")
	step(1, "503", "/testbox", "health", url+"/health")
	step(0, "ok", "/testbox", "get", url+"/healthy")
	step(0, "", "/testbox", "health", url+"/health")
	step(0, "", "/testbox", "write", "/tmp/f", "some", "text")
	step(0, "some text\n", "/testbox", "cat", "/tmp/f")
	ctr.exec(t, "/testbox", "get", url+"/exit?code=5") // the kernel may end this one with the server
	if code := ctr.wait(t); code != 5 {
		t.Errorf("exit code %d, want 5", code)
	}
}

// stop sends a signal and checks the exit code that follows.
func stop(t *testing.T, ctr container, sig syscall.Signal, want int) {
	t.Helper()
	if err := ctr.Kill(ctr.ctx, sig); err != nil {
		t.Fatal(err)
	}
	if code := ctr.wait(t); code != want {
		t.Errorf("exit code %d after %v, want %d; output:\n%s", code, sig, want, ctr.output)
	}
}

func TestNginx(t *testing.T) {
	e := startEngine(t)
	img := e.load(t, "nginx.tar", "docker.io/library/nginx:latest")
	spec, err := img.Spec(e.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := spec.Config.ExposedPorts["80/tcp"]; !ok || spec.Config.StopSignal != "SIGQUIT" {
		t.Errorf("image config %+v", spec.Config)
	}
	ctr := e.start(t, img, "nginx", nil)
	ctr.waitOutput(t, "start worker process")
	code, out := ctr.exec(t, "curl", "-sSI", "http://127.0.0.1/")
	if code != 0 || !strings.HasPrefix(out, "HTTP/1.1 200 OK\r\nServer: nginx") {
		t.Errorf("curl: exit code %d, output %q", code, out)
	}
	if code, out := ctr.exec(t, "curl", "-sS", "http://127.0.0.1/"); code != 0 || !strings.Contains(out, "Welcome to nginx!") {
		t.Errorf("curl: exit code %d, output %q", code, out)
	}
	ctr.waitOutput(t, `"HEAD / HTTP/1.1" 200`)
	if code, out := ctr.exec(t, "curl", "-sSf", "http://127.0.0.1/none"); code != 22 {
		t.Errorf("curl of a missing page: exit code %d, output %q", code, out)
	}
	ctr.waitOutput(t, `open() "/usr/share/nginx/html/none" failed`)
	stop(t, ctr, syscall.SIGQUIT, 0)
}
