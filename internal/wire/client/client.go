// Package client calls query and EC2 query services by the same models that
// the server decodes with. It exists because linking the AWS SDK's EC2 client
// costs gigabytes of memory to compile; for all other services use the SDK.
//
//	err := client.Do(ctx, client.Endpoint{URL: url, Region: "us-east-1"}, creds, svc, "CreateVpc", in, &out)
//
// It signs with the SDK's own signer, does not retry, and does not page.
package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"seamark/internal/wire"
)

// maxResponse bounds a response; the largest EC2 answers are a few megabytes.
const maxResponse = 64 << 20

// Endpoint is where and as which region to call.
type Endpoint struct {
	URL    string       // required, "http://127.0.0.1:4566"
	Region string       // required
	HTTP   *http.Client // nil: http.DefaultClient
}

// Do calls an operation. in and out point to the generated structs of svc; a
// modelled refusal is returned as a *wire.Error.
func Do(ctx context.Context, e Endpoint, creds aws.Credentials, svc *wire.Service, op string, in, out any) error {
	o, ok := svc.Operation(op)
	if !ok {
		return fmt.Errorf("%s has no operation %q", svc.ID, op)
	}
	values, err := wire.EncodeQuery(svc, o, in)
	if err != nil {
		return err
	}
	req, err := request(ctx, e, creds, svc.SigningName, values.Encode())
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	status, body, err := send(e, req)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	if status >= 300 {
		fault, err := wire.DecodeQueryError(status, body)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		return fault
	}
	return wire.DecodeQueryResponse(svc, o, body, out)
}

func request(ctx context.Context, e Endpoint, creds aws.Credentials, service, form string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(e.URL, "/")+"/", strings.NewReader(form))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(form))
	err = v4.NewSigner().SignHTTP(ctx, creds, req, hex.EncodeToString(hash[:]), service, e.Region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return req, nil
}

func send(e Endpoint, req *http.Request) (int, []byte, error) {
	c := e.HTTP
	if c == nil {
		c = http.DefaultClient
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("send request: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return 0, nil, fmt.Errorf("read response: %w", err)
	}
	return resp.StatusCode, body, nil
}
