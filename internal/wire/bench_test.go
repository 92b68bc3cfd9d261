package wire_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"seamark/internal/api/servicediscovery"
	"seamark/internal/wire"
	"seamark/internal/wire/sigv4"
)

// discard is a ResponseWriter without a recorder's cost.
type discard struct {
	h    http.Header
	code int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) WriteHeader(code int)        { d.code = code }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkDiscoverInstances is the wire layer's share of one DiscoverInstances
// call: dispatch, SigV4, decode, validate, encode, log line.
func BenchmarkDiscoverInstances(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) { benchmarkDiscover(b, n) })
	}
}

func benchmarkDiscover(b *testing.B, n int) {
	logger := slog.New(slog.NewJSONHandler(io.Discard, nil)) //nolint:sloglint // the log line is measured as well
	m := wire.NewMux(wire.Config{
		Logger: logger, Verifier: sigv4.New(sigv4.Config{Keys: testKeys{}}),
		Region: testRegion, Account: testAccount,
	})
	found := make([]servicediscovery.HttpInstanceSummary, n)
	for i := range found {
		found[i] = servicediscovery.HttpInstanceSummary{
			InstanceId: aws.String(fmt.Sprintf("i-%08d", i)), NamespaceName: aws.String("myapp.local"), ServiceName: aws.String("web"), HealthStatus: aws.String("HEALTHY"),
			Attributes: map[string]string{"AWS_INSTANCE_IPV4": "10.0.1.10", "AWS_INSTANCE_PORT": "80", "AVAILABILITY_ZONE": "eu-west-1a", "REGION": "eu-west-1", "ECS_CLUSTER_NAME": "demo"},
		}
	}
	m.Add(servicediscovery.NewService(servicediscovery.Operations{
		DiscoverInstances: func(context.Context, *servicediscovery.DiscoverInstancesInput) (*servicediscovery.DiscoverInstancesOutput, error) {
			return &servicediscovery.DiscoverInstancesOutput{Instances: found}, nil
		},
	}))
	body := []byte(`{"NamespaceName":"myapp.local","ServiceName":"web","HealthStatus":"HEALTHY"}`)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", http.NoBody)
	r.Header.Set("X-Amz-Target", "Route53AutoNaming_v20170314.DiscoverInstances")
	r.Header.Set("Content-Type", jsonType)
	r.ContentLength = int64(len(body))
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(b.Context(), aws.Credentials{AccessKeyID: testKey, SecretAccessKey: testSecret}, r, hex.EncodeToString(sum[:]), "servicediscovery", testRegion, time.Now()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		w := &discard{h: http.Header{}}
		m.ServeHTTP(w, r)
		if w.code != http.StatusOK {
			b.Fatalf("status %d", w.code)
		}
	}
}
