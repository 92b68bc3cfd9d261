package healthcheck

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"seamark/internal/plan/probe"
)

// Route 53's limits (developer guide, "How Amazon Route 53 determines whether a
// health check is healthy").
const (
	tcpTimeout      = 10 * time.Second // to connect, for a TCP check
	connectTimeout  = 4 * time.Second  // to connect, for the others
	responseTimeout = 2 * time.Second  // for the status line
	bodyTimeout     = 2 * time.Second  // for the body that is searched
	searchedBytes   = 5120
	headerBytes     = 64 << 10 // ours
)

// attempt checks a target once.
func attempt(ctx context.Context, dial Dial, key string, t probe.Target) (passed bool, text string) {
	limit := connectTimeout
	if t.Type == probe.TCP {
		limit = tcpTimeout
	}
	c, err := connect(ctx, dial, t, limit)
	if err != nil {
		return false, "Failure: " + reason(err)
	}
	defer c.Close()
	if t.Type == probe.TCP {
		return true, "Success: The TCP connection was established."
	}
	return request(ctx, c, key, t)
}

// connect opens the connection, and for HTTPS the TLS session on it. Route 53
// does not validate certificates.
func connect(ctx context.Context, dial Dial, t probe.Target, limit time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	network, host := "tcp4", t.Host
	if t.Address.IsValid() {
		network, host = "tcp", t.Address.String()
	}
	c, err := dial(ctx, t.VPC, network, net.JoinHostPort(host, strconv.Itoa(int(t.Port))))
	if err != nil || !t.Secure() {
		return c, err
	}
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}
	if t.SNI {
		conf.ServerName = t.Host
	}
	session := tls.Client(c, conf)
	if err := session.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return session, nil
}

// request asks for the target's path on a connection and judges the response.
func request(ctx context.Context, c net.Conn, key string, t probe.Target) (bool, string) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // fails only on a closed connection
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+authority(t)+t.Path, http.NoBody)
	if err != nil {
		return false, "Failure: " + err.Error()
	}
	r.Header.Set("User-Agent", "Amazon-Route53-Health-Check-Service (ref "+key+")")
	r.Close = true
	if err := c.SetDeadline(time.Now().Add(responseTimeout)); err != nil {
		return false, "Failure: " + reason(err)
	}
	if err := r.Write(c); err != nil {
		return false, "Failure: " + reason(err)
	}
	res, err := response(bufio.NewReader(io.LimitReader(c, headerBytes+searchedBytes)), r)
	if err != nil {
		return false, "Failure: " + reason(err)
	}
	// The body is not closed: that would read it to its end. The connection is.
	status := fmt.Sprintf("HTTP Status Code %d, %s", res.StatusCode, http.StatusText(res.StatusCode))
	switch {
	case res.StatusCode < 200 || res.StatusCode > 399:
		return false, "Failure: " + status
	case t.Search == "":
		return true, "Success: " + status
	}
	if err := c.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return false, "Failure: " + reason(err)
	}
	return search(res.Body, t.Search, status)
}

// response reads the final response: those that only inform are passed over.
func response(from *bufio.Reader, r *http.Request) (*http.Response, error) {
	for {
		res, err := http.ReadResponse(from, r)
		if err != nil || res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			return res, err
		}
	}
}

// search looks for text in the beginning of a body.
func search(body io.Reader, text, status string) (bool, string) {
	b, err := io.ReadAll(io.LimitReader(body, searchedBytes))
	switch {
	case strings.Contains(string(b), text):
		return true, "Success: " + status
	case err != nil:
		return false, "Failure: " + reason(err)
	}
	return false, "Failure: " + status + ". The response body does not contain the search string."
}

// authority is the Host header: with the port unless it is the scheme's own.
func authority(t probe.Target) string {
	host := t.Host
	if host == "" {
		host = t.Address.String()
	}
	usual := uint16(80)
	if t.Secure() {
		usual = 443
	}
	if t.Port == usual {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(t.Port)))
}

// reason says in few words why there was no response.
func reason(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "Connection timed out. The endpoint is down, or requests are blocked on the way."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "Connection refused."
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "The connection was closed before there was a whole response."
	}
	return short(err.Error())
}

// longestReason is how much of an error is kept: it can repeat what an endpoint
// sent, and becomes part of the world.
const longestReason = 200

// short is a text in one line of UTF-8, at most longestReason octets long.
func short(text string) string {
	if len(text) > longestReason {
		text = text[:longestReason-len("…")] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return '?'
		}
		return r
	}, text)
}
