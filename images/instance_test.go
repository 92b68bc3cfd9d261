package images_test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	instanceImage = "docker.io/seamark/instance:latest"
	userData      = "/var/lib/cloud/instance/user-data.txt"
)

// The user data of the guide's test instance, without a network to reach.
const guideScript = `#!/bin/bash
yum update -y
yum install -y bind-utils
echo "Testing DNS resolution..."
nslookup -timeout=1 -retry=0 web.myapp.local 127.0.0.1
dig +time=1 +tries=1 @127.0.0.1 web.myapp.local
curl -I http://127.0.0.1
(sleep 0.1; exit 3) & disown
exit 9
`

func TestInstanceBoot(t *testing.T) {
	e := startEngine(t)
	img := e.load(t, "instance.tar", instanceImage)
	ctr := e.start(t, img, "instance", nil, file(t, userData, guideScript))
	ctr.waitOutput(t, "finished at")
	console := ctr.output.String()
	at := 0
	for _, want := range []string{
		"Debian GNU/Linux 12", "hostname: instance\n", "running 'modules:final'",
		"Nothing to do.\nComplete!\n", "Package bind-utils-", "already installed and latest version",
		"Testing DNS resolution...\n", "no servers could be reached", "curl: (7) Failed to connect",
		"user data ended with exit code 9", "finished at",
	} {
		i := strings.Index(console[at:], want)
		if i < 0 {
			t.Fatalf("the console lacks %q at its place:\n%s", want, console)
		}
		at += i
	}
	reaped(t, ctr)
	if code, out := ctr.exec(t, "cat", "/var/log/cloud-init-output.log"); code != 0 || !strings.Contains(out, "Testing DNS resolution...") {
		t.Errorf("log: exit code %d, output %q", code, out)
	}
	t.Run("tools", func(t *testing.T) { tools(t, ctr) })
	t.Run("yum", func(t *testing.T) { yum(t, ctr) })
	stop(t, ctr, 37, 0) // SIGRTMIN+3
	if !strings.HasSuffix(ctr.output.String(), "Power down.\n") {
		t.Errorf("the console ends with %q", ctr.output)
	}
}

// reaped waits until the orphan that the user data left is gone: pid 1 must reap it.
func reaped(t *testing.T, ctr container) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		_, out := ctr.exec(t, "ps", "-eo", "stat=,args=")
		if !strings.Contains(out, "Z") && !strings.Contains(out, "sleep 0.1") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("zombies:\n%s", out)
		}
	}
}

// tools are the programs that a network engineer expects on the machine.
func tools(t *testing.T, ctr container) {
	for tool := range strings.FieldsSeq("dig nslookup host curl wget ping traceroute mtr tcpdump ip ss nc socat telnet jq vi less ps top " +
		"killall openssl bash python3 sudo ethtool netstat ifconfig yum dnf") {
		if code, out := ctr.exec(t, "bash", "-c", "type -P "+tool); code != 0 {
			t.Errorf("%s is missing: %q", tool, out)
		}
	}
	for _, cmd := range []string{"python3 -c 'import http.server, ssl, json'", "ping -c1 -W1 127.0.0.1", "sudo -n true",
		"timeout 10 tcpdump -n -i lo -c1 udp port 7000 & while kill -0 $!; do echo x | nc -uw0 127.0.0.1 7000; sleep 0.1; done; wait $!",
	} {
		if code, out := ctr.exec(t, "bash", "-c", cmd); code != 0 {
			t.Errorf("%s: exit code %d, output %q", cmd, code, out)
		}
	}
}

// yum answers for what is there and refuses what is not.
func yum(t *testing.T, ctr container) {
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"yum update -y", 0, "Nothing to do.\n"},
		{"yum install -y bind-utils curl nmap-ncat tcpdump iproute jq telnet", 0, "Package telnet-"},
		{"dnf install -y bind-utils", 0, "is already installed.\n"},
		{"yum -y install nosuch", 1, "No match for argument: nosuch\nError: Unable to find a match: nosuch\n"},
		{"yum install -y curl httpd", 1, "Error: Unable to find a match: httpd\n"},
		{"yum -q -y install jq", 0, ""},
		{"yum install -y", 1, "Need to pass a list of pkgs"},
		{"yum install -y '.*'", 1, "Unable to find a match: .*"},
		{"yum list installed bind-utils", 0, "bind-utils "},
		{"yum update -y httpd", 1, "No match for argument: httpd"},
		{"yum remove -y curl", 1, "fixed set of packages"},
		{"yum frobnicate", 1, "No such command: frobnicate."},
	} {
		if code, out := ctr.exec(t, "bash", "-c", c.args+" 2>&1"); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d, output %q, want %d and %q", c.args, code, out, c.code, c.want)
		}
	}
}

func TestInstanceUserData(t *testing.T) {
	e := startEngine(t)
	img := e.load(t, "instance.tar", instanceImage)
	for _, c := range []struct{ name, text, want, lacks string }{
		{"text", "hello\n", "Unhandled non-multipart (text/x-not-multipart) userdata: 'hello...'", "modules:none"},
		{"empty", "", "user data is empty", "WARNING]: Failed"},
		{"config", "#cloud-config\nruncmd: [ls]\n", "user data is #cloud-config", "WARNING]: Failed"},
		{"crlf", "#!/bin/sh\r\necho ran\r\n", "Failed to run module scripts-user", "\nran"},
		{"python", "#!/usr/bin/python3\nprint('from', 'python')\n", "from python\n", "WARNING"},
		{"daemon", "#!/bin/sh\nnohup sleep 1000 >/dev/null 2>&1 &\necho started\n", "started\n", "WARNING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctr := e.start(t, img, "instance-"+c.name, nil, file(t, userData, c.text))
			ctr.waitOutput(t, "finished at")
			if out := ctr.output.String(); !strings.Contains(out, c.want) || strings.Contains(out, c.lacks) {
				t.Errorf("the console lacks %q or has %q:\n%s", c.want, c.lacks, out)
			}
			began := time.Now()
			stop(t, ctr, syscall.SIGTERM, 0)
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("the shutdown took %v", d)
			}
		})
	}
	t.Run("stopped while it runs", func(t *testing.T) {
		ctr := e.start(t, img, "instance-busy", nil, file(t, userData, "#!/bin/sh\necho working\nexec sleep 1000\n"))
		ctr.waitOutput(t, "working")
		stop(t, ctr, syscall.SIGTERM, 0)
		if out := ctr.output.String(); strings.Contains(out, "finished at") {
			t.Errorf("the console says that an interrupted boot finished:\n%s", out)
		}
	})
	t.Run("none", func(t *testing.T) {
		ctr := e.start(t, img, "instance-none", nil)
		ctr.waitOutput(t, "finished at")
		stop(t, ctr, syscall.SIGTERM, 0)
	})
}
