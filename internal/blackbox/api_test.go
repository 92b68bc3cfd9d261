//go:build linux

package blackbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"seamark/internal/api/ec2"
	"seamark/internal/wire"
	"seamark/internal/wire/client"
)

const region = "us-east-1"

func (s *server) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: s.client.AccessKey, SecretAccessKey: s.client.Secret}
}

// config is the SDK's, without retries: a test sees each answer.
func (s *server) config() aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(s.client.Endpoint), HTTPClient: s.http,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return s.credentials(), nil }),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func (s *server) ecs() *ecs.Client { return ecs.NewFromConfig(s.config()) }

func (s *server) logs() *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(s.config()) }

func (s *server) discovery() *servicediscovery.Client {
	return servicediscovery.NewFromConfig(s.config(), func(o *servicediscovery.Options) {
		o.APIOptions = append(o.APIOptions, withoutHostPrefix)
	})
}

// ec2 calls an operation of EC2.
func (s *server) ec2(op string, in, out any) error {
	return client.Do(context.Background(), client.Endpoint{URL: s.client.Endpoint, Region: region, HTTP: s.http},
		s.credentials(), ec2.NewService(ec2.Operations{}), op, in, out)
}

// code is the code of an API's error; "" for none, "?" for something else.
func code(err error) string {
	var ours *wire.Error
	var sdk smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &ours):
		return ours.Code
	case errors.As(err, &sdk):
		return sdk.ErrorCode()
	}
	return "? " + err.Error()
}

// plainBodies hides from net/http that request bodies can write themselves.
// Those of smithy-go 1.28.8 answer io.EOF to that once the SDK has closed them
// (safeWriteToReadCloser.WriteTo), which it does as soon as there is a response.
// net/http, which asks once more after the last byte, takes that for a failure
// and closes the connection, often before the response's body is read. Slow
// servers are not affected; of this one's answers, one in twenty is.
type plainBodies struct{ http.RoundTripper }

func (p plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r = r.Clone(r.Context())
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return p.RoundTripper.RoundTrip(r)
}

func (p plainBodies) CloseIdleConnections() {
	if c, ok := p.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// withoutHostPrefix keeps a client from calling data-127.0.0.1, a name that does
// not resolve.
func withoutHostPrefix(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("withoutHostPrefix",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			return next.HandleInitialize(smithyhttp.DisableEndpointHostPrefix(ctx, true), in)
		}), middleware.Before)
}

// prefixed says that a CLI failed because it is too old to do without the host
// prefix of DiscoverInstances: data-127.0.0.1 is nowhere.
func prefixed(out string) bool { return strings.Contains(out, "data-127.0.0.1") }

// aws is the AWS CLI for this server, with no setting of the user's.
func (s *server) aws(args ...string) *exec.Cmd {
	s.t.Helper()
	path, err := exec.LookPath("aws")
	if err != nil {
		missing(s.t, "the aws CLI is not installed")
	}
	cmd := exec.Command(path, append(args, "--endpoint-url", s.client.Endpoint)...)
	empty := filepath.Join(s.scratch, "none")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }),
		"AWS_ACCESS_KEY_ID="+s.client.AccessKey, "AWS_SECRET_ACCESS_KEY="+s.client.Secret, "AWS_DEFAULT_REGION="+region,
		"AWS_CONFIG_FILE="+empty, "AWS_SHARED_CREDENTIALS_FILE="+empty, "AWS_EC2_METADATA_DISABLED=true",
		"AWS_DISABLE_HOST_PREFIX_INJECTION=true", "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=", "NO_PROXY=127.0.0.1")
	return cmd
}
