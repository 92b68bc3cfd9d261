package iam

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"seamark/internal/api/apitest"
	"seamark/internal/change"
	"seamark/internal/world"
)

const (
	trust     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"a":"x + y&z"}}}]}`
	execution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
)

// harness is the API, called by the SDK.
type harness struct {
	*testing.T
	changes *change.Runner
	url     string
	c       *sdk.Client
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	r := apitest.Runner(t, world.Relaxed)
	url := apitest.Serve(t, NewService(New(Config{Changes: r, Scope: apitest.Scope()}).Operations()))
	return &harness{T: t, changes: r, url: url, c: sdk.NewFromConfig(apitest.Config(url))}
}

func (h *harness) create(name string, more func(*sdk.CreateRoleInput)) *types.Role {
	h.Helper()
	in := &sdk.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)}
	if more != nil {
		more(in)
	}
	out, err := h.c.CreateRole(h.Context(), in)
	if err != nil {
		h.Fatal(err)
	}
	return out.Role
}

// refused checks that an error has a code, status and message, and that nothing
// was changed.
func (h *harness) refused(code string, status int, message string, call func() error) {
	h.Helper()
	before := h.changes.View().Revision
	err := call()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || !strings.HasPrefix(api.ErrorMessage(), message) {
		h.Errorf("error %v, expected %s: %s", err, code, message)
	}
	if res, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok || res.HTTPStatusCode() != status {
		h.Errorf("error %v, expected HTTP %d", err, status)
	}
	if after := h.changes.View().Revision; after != before {
		h.Errorf("%s: wrote revision %d", code, after)
	}
}

func TestRole(t *testing.T) {
	h := newHarness(t)
	made := h.create("ecsTaskExecutionRole", func(in *sdk.CreateRoleInput) {
		in.Path, in.Description = aws.String("/service/"), aws.String("runs tasks")
		in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
	})
	out, err := h.c.GetRole(t.Context(), &sdk.GetRoleInput{RoleName: made.RoleName})
	if err != nil {
		t.Fatal(err)
	}
	r := out.Role
	if *r.Arn != "arn:aws:iam::123456789012:role/service/ecsTaskExecutionRole" || *r.Path != "/service/" || *r.MaxSessionDuration != 3600 || *r.Description != "runs tasks" || len(r.Tags) != 1 || r.CreateDate.IsZero() {
		t.Errorf("role %+v", r)
	}
	if !regexp.MustCompile(`^AROA[A-Z0-9]{17}$`).MatchString(*r.RoleId) || *r.RoleId != *made.RoleId {
		t.Errorf("role id %s", *r.RoleId)
	}
	for _, decode := range []func(string) (string, error){url.QueryUnescape, url.PathUnescape} {
		if got, err := decode(*r.AssumeRolePolicyDocument); err != nil || got != trust {
			t.Errorf("document %q, error %v", got, err)
		}
	}
	if _, err := h.c.DeleteRole(t.Context(), &sdk.DeleteRoleInput{RoleName: made.RoleName}); err != nil {
		t.Fatal(err)
	}
	h.refused("NoSuchEntity", 404, "The role with name ecsTaskExecutionRole cannot be found.", func() error {
		_, err := h.c.GetRole(t.Context(), &sdk.GetRoleInput{RoleName: made.RoleName})
		return err
	})
}

func TestCreateRole_Refused(t *testing.T) {
	h := newHarness(t)
	h.create("taken", nil)
	try := func(code string, status int, message string, more func(*sdk.CreateRoleInput)) {
		t.Helper()
		h.refused(code, status, message, func() error {
			in := &sdk.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trust)}
			more(in)
			_, err := h.c.CreateRole(t.Context(), in)
			return err
		})
	}
	try("EntityAlreadyExists", 409, "Role with name taken already exists.", func(in *sdk.CreateRoleInput) { in.RoleName = aws.String("taken") })
	try("EntityAlreadyExists", 409, "Role with name Taken already exists.", func(in *sdk.CreateRoleInput) { in.RoleName = aws.String("Taken") })
	try("ValidationError", 400, "1 validation error detected", func(in *sdk.CreateRoleInput) { in.RoleName = aws.String("a b") })
	try("ValidationError", 400, "1 validation error detected", func(in *sdk.CreateRoleInput) { in.RoleName = aws.String(strings.Repeat("r", 65)) })
	try("ValidationError", 400, "1 validation error detected", func(in *sdk.CreateRoleInput) { in.MaxSessionDuration = aws.Int32(3599) })
	try("ValidationError", 400, "1 validation error detected", func(in *sdk.CreateRoleInput) { in.Path = aws.String("x") })
	try("UnsupportedOperation", 400, "", func(in *sdk.CreateRoleInput) { in.PermissionsBoundary = aws.String(execution) })
	try("InvalidInput", 400, "Duplicate tag keys found.", func(in *sdk.CreateRoleInput) {
		in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("1")}, {Key: aws.String("k"), Value: aws.String("2")}}
	})
	for document, message := range map[string]string{
		`{`: "This policy contains invalid Json", `[]`: "This policy contains invalid Json", `{"Version":"1"}`: "The policy must contain a valid version string", `{}`: "Syntax errors in policy.",
		`{"Statement":[]}`: "Syntax errors in policy.", `{"Statement":"x"}`: "Syntax errors in policy.",
		`{"Statement":[{"Principal":"*","Action":"sts:AssumeRole"}]}`:                               "Missing required field Effect",
		`{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`:                              "Missing required field Principal",
		`{"Statement":{"Effect":"Allow","Principal":"*"}}`:                                          "Missing required field Action",
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`: "Has prohibited field Resource",
	} {
		try("MalformedPolicyDocument", 400, message, func(in *sdk.CreateRoleInput) { in.AssumeRolePolicyDocument = &document })
	}
	for _, single := range []string{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`} {
		h.create("single", func(in *sdk.CreateRoleInput) { in.AssumeRolePolicyDocument = &single })
	}
}

func TestRolePolicies(t *testing.T) {
	h := newHarness(t)
	h.create("r", nil)
	attach := func(role, arn string) error {
		_, err := h.c.AttachRolePolicy(t.Context(), &sdk.AttachRolePolicyInput{RoleName: &role, PolicyArn: &arn})
		return err
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(attach("r", execution))
	revision := h.changes.View().Revision
	must(attach("r", execution))
	if h.changes.View().Revision != revision {
		t.Error("attaching again was written")
	}
	h.refused("NoSuchEntity", 404, "The role with name none cannot be found.", func() error { return attach("none", execution) })
	h.refused("NoSuchEntity", 404, "Policy arn:aws:iam::123456789012:policy/mine does not exist or is not attachable.", func() error { return attach("r", "arn:aws:iam::123456789012:policy/mine") })
	h.refused("InvalidInput", 400, "ARN arn:aws:iam::aws:role/x/yyyyyyy is not valid.", func() error { return attach("r", "arn:aws:iam::aws:role/x/yyyyyyy") })
	h.refused("ValidationError", 400, "", func() error { return attach("r", "x") })
	for i := range 9 {
		must(attach("r", fmt.Sprintf("arn:aws:iam::aws:policy/P%d", i)))
	}
	h.refused("LimitExceeded", 409, "Cannot exceed quota for PoliciesPerRole: 10", func() error { return attach("r", "arn:aws:iam::aws:policy/one-more") })

	list := func(in *sdk.ListAttachedRolePoliciesInput) (names []string) {
		t.Helper()
		in.RoleName = aws.String("r")
		pages := sdk.NewListAttachedRolePoliciesPaginator(h.c, in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			must(err)
			for _, p := range page.AttachedPolicies {
				names = append(names, *p.PolicyName)
			}
		}
		return names
	}
	if got := list(&sdk.ListAttachedRolePoliciesInput{MaxItems: aws.Int32(3)}); len(got) != 10 || got[0] != "P0" || got[9] != "AmazonECSTaskExecutionRolePolicy" {
		t.Errorf("policies %v", got)
	}
	if got := list(&sdk.ListAttachedRolePoliciesInput{PathPrefix: aws.String("/service-role/")}); !slices.Equal(got, []string{"AmazonECSTaskExecutionRolePolicy"}) {
		t.Errorf("policies %v", got)
	}
	h.refused("DeleteConflict", 409, "Cannot delete entity, must detach all policies first.", func() error {
		_, err := h.c.DeleteRole(t.Context(), &sdk.DeleteRoleInput{RoleName: aws.String("r")})
		return err
	})
	detach := func(arn string) error {
		_, err := h.c.DetachRolePolicy(t.Context(), &sdk.DetachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: &arn})
		return err
	}
	must(detach(execution))
	h.refused("NoSuchEntity", 404, "Policy "+execution+" was not found.", func() error { return detach(execution) })
	h.refused("NoSuchEntity", 404, "", func() error {
		_, err := h.c.ListAttachedRolePolicies(t.Context(), &sdk.ListAttachedRolePoliciesInput{RoleName: aws.String("none")})
		return err
	})
	h.refused("ValidationError", 400, "Invalid Marker: x", func() error {
		_, err := h.c.ListAttachedRolePolicies(t.Context(), &sdk.ListAttachedRolePoliciesInput{RoleName: aws.String("r"), Marker: aws.String("x")})
		return err
	})
}

func TestListRoles(t *testing.T) {
	h := newHarness(t)
	for i := range 5 {
		h.create(fmt.Sprintf("r%d", i), func(in *sdk.CreateRoleInput) {
			in.Path = aws.String([]string{"/", "/app/"}[i%2])
			in.Tags = []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}
		})
	}
	list := func(prefix string) (names []string) {
		t.Helper()
		pages := sdk.NewListRolesPaginator(h.c, &sdk.ListRolesInput{MaxItems: aws.Int32(2), PathPrefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Roles {
				names = append(names, *r.RoleName)
				if len(r.Tags) != 0 {
					t.Errorf("a listing with tags: %+v", r)
				}
			}
		}
		return names
	}
	if got := list("/"); !slices.Equal(got, []string{"r0", "r1", "r2", "r3", "r4"}) {
		t.Errorf("roles %v", got)
	}
	if got := list("/app/"); !slices.Equal(got, []string{"r1", "r3"}) {
		t.Errorf("roles %v", got)
	}
	h.refused("ValidationError", 400, "Invalid Marker: x", func() error {
		_, err := h.c.ListRoles(t.Context(), &sdk.ListRolesInput{Marker: aws.String("x")})
		return err
	})
}

// TestCLI makes the guide's role.
func TestCLI(t *testing.T) {
	h := newHarness(t)
	ok := func(args ...string) string {
		t.Helper()
		exit, out := apitest.CLI(t, h.url, append([]string{"iam"}, args...)...)
		if exit != 0 {
			t.Fatalf("aws iam %s: exit %d\n%s", strings.Join(args, " "), exit, out)
		}
		return out
	}
	ok("create-role", "--role-name", "ecsTaskExecutionRole", "--assume-role-policy-document", trust)
	ok("attach-role-policy", "--role-name", "ecsTaskExecutionRole", "--policy-arn", execution)
	if got := ok("get-role", "--role-name", "ecsTaskExecutionRole", "--query", "Role.AssumeRolePolicyDocument.Statement[0].Action", "--output", "text"); got != "sts:AssumeRole" {
		t.Errorf("action %q", got)
	}
	exit, out := apitest.CLI(t, h.url, "iam", "get-role", "--role-name", "none")
	if exit == 0 || !strings.Contains(out, "An error occurred (NoSuchEntity) when calling the GetRole operation: The role with name none cannot be found.") {
		t.Errorf("exit %d, %s", exit, out)
	}
}
