// Package apitest is what the tests of the API packages share: a world in
// memory, and the API served to the clients that users have.
package apitest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"seamark/internal/change"
	"seamark/internal/plan"
	"seamark/internal/store/mem"
	"seamark/internal/wire"
	"seamark/internal/wire/sigv4"
	"seamark/internal/world"
)

// Who signs the requests of Config and CLI.
const (
	Key     = "AKIAIOSFODNN7EXAMPLE"
	Secret  = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	UserARN = "arn:aws:iam::123456789012:user/guide"
	UserID  = "AIDACKCEVSQ6C2EXAMPLE"
	Region  = "us-east-1"
	Account = "123456789012"
)

// Scope is the account and Region of every test.
func Scope() world.Scope { return world.Scope{Region: Region, Account: Account} }

// Runner returns a Runner over an empty world in memory.
func Runner(t testing.TB, f world.Fidelity) *change.Runner {
	t.Helper()
	st := mem.New(mem.Options{})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return &change.Runner{Store: st, Scope: Scope(), Fidelity: f}
}

// Change commits what f drafts.
func Change(t testing.TB, r *change.Runner, f func(d *plan.Draft)) {
	t.Helper()
	if _, _, err := r.Do(t.Context(), func(d *plan.Draft) error { f(d); return nil }); err != nil {
		t.Fatal(err)
	}
}

// oneUser knows Key.
type oneUser struct{}

func (oneUser) Lookup(_ context.Context, id string) (sigv4.Credential, bool) {
	return sigv4.Credential{Secret: Secret, PrincipalARN: UserARN, UserID: UserID, Account: Account}, id == Key
}

// Serve serves APIs on one loopback address to clients that sign.
func Serve(t testing.TB, services ...*wire.Service) (url string) {
	t.Helper()
	mux := wire.NewMux(wire.Config{
		Logger: slog.New(slog.DiscardHandler), Verifier: sigv4.New(sigv4.Config{Keys: oneUser{}}), Region: Region, Account: Account,
	})
	for _, s := range services {
		mux.Add(s)
	}
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// Credentials are those of Key.
func Credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: Key, SecretAccessKey: Secret}
}

// Config is a configuration of the SDK for that endpoint. It does not retry.
func Config(url string) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return Credentials(), nil }),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// CLI runs the AWS CLI on that endpoint, in an environment of its own, and
// returns its exit code and output. Without a CLI the test is skipped, or
// fails where SEAMARK_REQUIRE_ROOT is set; short tests do without.
func CLI(t testing.TB, url string, args ...string) (exit int, out string) {
	t.Helper()
	if testing.Short() {
		t.Skip("the aws CLI takes a second for each command")
	}
	path, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("SEAMARK_REQUIRE_ROOT") != "" {
			t.Fatal("the aws CLI is not installed")
		}
		t.Skip("the aws CLI is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"--endpoint-url", url, "--output", "json", "--region", Region}, args...)...)
	empty := filepath.Join(t.TempDir(), "none")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") }),
		"AWS_ACCESS_KEY_ID="+Key, "AWS_SECRET_ACCESS_KEY="+Secret, "AWS_CONFIG_FILE="+empty, "AWS_SHARED_CREDENTIALS_FILE="+empty,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1", "AWS_DISABLE_HOST_PREFIX_INJECTION=true", "NO_PROXY=127.0.0.1", "AWS_PAGER=")
	cmd.WaitDelay = time.Second
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(b.String())
}
