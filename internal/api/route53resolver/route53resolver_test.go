package route53resolver

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"seamark/internal/api/apitest"
	"seamark/internal/wire"
	"seamark/internal/world"
)

func service(t *testing.T) *wire.Service {
	t.Helper()
	return NewService(New(Config{Changes: apitest.Runner(t, world.Relaxed), Scope: apitest.Scope()}).Operations())
}

// post sends an operation and returns the decoded answer.
func post(t *testing.T, op, body string) (int, map[string]any) {
	t.Helper()
	mux := wire.NewMux(wire.Config{Logger: slog.New(slog.DiscardHandler), Region: apitest.Region, Account: apitest.Account})
	mux.Add(service(t))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "Route53Resolver."+op)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return res.StatusCode, out
}

func TestListResolverEndpoints(t *testing.T) {
	for _, filter := range []string{
		"CreatorRequestId", "Direction", "HostVPCId", "IpAddressCount", "Name", "SecurityGroupIds", "Status",
		"CREATOR_REQUEST_ID", "DIRECTION", "HOST_VPC_ID", "IP_ADDRESS_COUNT", "NAME", "SECURITY_GROUP_IDS", "STATUS",
	} {
		status, out := post(t, "ListResolverEndpoints", `{"MaxResults":20,"Filters":[{"Name":"`+filter+`","Values":["x"]}]}`)
		if list, ok := out["ResolverEndpoints"].([]any); status != 200 || !ok || len(list) != 0 || out["MaxResults"] != 20.0 {
			t.Errorf("%s: %d %v", filter, status, out)
		}
	}
	for body, code := range map[string]string{
		`{"Filters":[{"Name":"VpcId","Values":["x"]}]}`: "InvalidParameterException", `{"MaxResults":101}`: "InvalidParameterException", `{"MaxResults":0}`: "InvalidParameterException",
		`{"NextToken":"x"}`: "InvalidNextTokenException",
	} {
		if status, out := post(t, "ListResolverEndpoints", body); status != 400 || out["__type"] != code {
			t.Errorf("%s: %d %v", body, status, out)
		}
	}
}

func TestGetResolverEndpoint(t *testing.T) {
	status, out := post(t, "GetResolverEndpoint", `{"ResolverEndpointId":"rslvr-in-1"}`)
	if status != 400 || out["__type"] != "ResourceNotFoundException" || out["Message"] != `[RSLVR-00703] Resolver endpoint with ID "rslvr-in-1" does not exist.` {
		t.Errorf("%d %v", status, out)
	}
	if status, out := post(t, "CreateResolverEndpoint", `{"CreatorRequestId":"a","Direction":"INBOUND","IpAddresses":[],"SecurityGroupIds":[]}`); status != 400 || out["__type"] != "UnknownOperationException" {
		t.Errorf("%d %v", status, out)
	}
}

// TestCLI types the command that the guide means; as the guide prints it, the
// CLI itself refuses it.
func TestCLI(t *testing.T) {
	url := apitest.Serve(t, service(t))
	if exit, out := apitest.CLI(t, url, "route53resolver", "list-resolver-endpoints", "--filters", "Name=HostVPCId,Values=vpc-12345678", "--query", "length(ResolverEndpoints)"); exit != 0 || out != "0" {
		t.Errorf("exit %d, %s", exit, out)
	}
	if exit, out := apitest.CLI(t, url, "route53resolver", "list-resolver-endpoints", "--filters", "Name=VpcId,Values=vpc-12345678"); exit == 0 || !strings.Contains(out, "(InvalidParameterException)") {
		t.Errorf("exit %d, %s", exit, out)
	}
}
