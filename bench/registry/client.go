package registry

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Access is where and with which key to call.
type Access struct {
	Endpoint, Region, AccessKey, Secret string
}

// Client is one keep-alive connection to Cloud Map: HTTP/1.1 written by hand,
// one request at a time. It is for one goroutine.
type Client struct {
	access Access
	host   string
	conn   net.Conn
	in     *bufio.Reader
	over   bool // the server closes the connection after its last response
	out    []byte
	body   []byte // of the last response
	date   string // that key is for
	key    hash.Hash
}

// Dial connects.
func Dial(a Access) (*Client, error) {
	c := &Client{access: a, host: strings.TrimPrefix(a.Endpoint, "http://")}
	return c, c.dial()
}

func (c *Client) dial() (err error) {
	if c.conn, err = net.DialTimeout("tcp", c.host, patience); err == nil {
		c.in, c.over = bufio.NewReaderSize(c.conn, 64<<10), false
	}
	return err
}

// patience bounds each call.
const patience = 30 * time.Second

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Refused is an answer that is no success.
type Refused struct {
	Status int
	Body   string
}

func (r *Refused) Error() string { return fmt.Sprintf("HTTP %d: %s", r.Status, r.Body) }

// Call calls an operation with a JSON body. The answer is valid until the next call.
func (c *Client) Call(operation string, body []byte) ([]byte, error) {
	if c.over {
		if err := errors.Join(c.conn.Close(), c.dial()); err != nil {
			return nil, err
		}
	}
	c.request(operation, body)
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	status, err := c.response()
	if err != nil {
		return nil, err
	}
	if status != 200 {
		return nil, &Refused{status, string(c.body)}
	}
	return c.body, nil
}

const (
	targetPrefix  = "Route53AutoNaming_v20170314."
	signedHeaders = "content-type;host;x-amz-date;x-amz-target"
	contentType   = "application/x-amz-json-1.1"
)

// request writes a signed request into out (AWS General Reference, "Create a
// signed AWS API request").
func (c *Client) request(operation string, body []byte) {
	stamp := time.Now().UTC().Format("20060102T150405Z")
	date := stamp[:8]
	if date != c.date {
		key := []byte("AWS4" + c.access.Secret)
		for _, part := range []string{date, c.access.Region, "servicediscovery", "aws4_request"} {
			key = sum(hmac.New(sha256.New, key), part)
		}
		c.date, c.key = date, hmac.New(sha256.New, key)
	}
	payload := sha256.Sum256(body)
	b := c.out[:0]
	b = append(b, "POST\n/\n\ncontent-type:"+contentType+"\nhost:"...)
	b = append(append(b, c.host...), "\nx-amz-date:"...)
	b = append(append(b, stamp...), "\nx-amz-target:"+targetPrefix...)
	b = append(append(b, operation...), "\n\n"+signedHeaders+"\n"...)
	canonical := sha256.Sum256(hex.AppendEncode(b, payload[:]))
	scope := date + "/" + c.access.Region + "/servicediscovery/aws4_request"
	c.key.Reset()
	signature := sum(c.key, "AWS4-HMAC-SHA256\n"+stamp+"\n"+scope+"\n"+hex.EncodeToString(canonical[:]))

	b = append(b[:0], "POST / HTTP/1.1\r\nHost: "...)
	b = append(append(b, c.host...), "\r\nContent-Type: "+contentType+"\r\nX-Amz-Target: "+targetPrefix...)
	b = append(append(b, operation...), "\r\nX-Amz-Date: "...)
	b = append(append(b, stamp...), "\r\nAuthorization: AWS4-HMAC-SHA256 Credential="...)
	b = append(append(append(append(b, c.access.AccessKey...), '/'), scope...), ", SignedHeaders="+signedHeaders+", Signature="...)
	b = append(hex.AppendEncode(b, signature), "\r\nContent-Length: "...)
	b = append(strconv.AppendInt(b, int64(len(body)), 10), "\r\n\r\n"...)
	c.out = append(b, body...)
}

func sum(h hash.Hash, text string) []byte {
	h.Write([]byte(text))
	return h.Sum(nil)
}

// response reads a response into body.
func (c *Client) response() (status int, err error) {
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0:
			if length < 0 {
				return 0, fmt.Errorf("a response without a length")
			}
			if cap(c.body) < length {
				c.body = make([]byte, length)
			}
			c.body = c.body[:length]
			_, err := io.ReadFull(c.in, c.body)
			return status, err
		case first:
			if len(line) < 12 {
				return 0, fmt.Errorf("no status line: %q", line)
			}
			if status, err = strconv.Atoi(string(line[9:12])); err != nil {
				return 0, err
			}
		case bytes.EqualFold(line, []byte("connection: close")):
			c.over = true
		case len(line) > 15 && bytes.EqualFold(line[:15], []byte("content-length:")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[15:]))); err != nil {
				return 0, err
			}
		}
	}
}
