package sts

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"seamark/internal/api/apitest"
)

func serve(t *testing.T) string {
	t.Helper()
	return apitest.Serve(t, NewService(New(Config{Scope: apitest.Scope()}).Operations()))
}

func TestGetCallerIdentity(t *testing.T) {
	c := sdk.NewFromConfig(apitest.Config(serve(t)))
	out, err := c.GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != apitest.Account || *out.Arn != apitest.UserARN || *out.UserId != apitest.UserID {
		t.Errorf("identity %+v", out)
	}
	_, err = c.AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::123456789012:role/r"), RoleSessionName: aws.String("s")})
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "InvalidAction" {
		t.Errorf("error %v", err)
	}
}

func TestCLI(t *testing.T) {
	if exit, out := apitest.CLI(t, serve(t), "sts", "get-caller-identity", "--query", "Arn", "--output", "text"); exit != 0 || out != apitest.UserARN {
		t.Errorf("exit %d, %s", exit, out)
	}
}
