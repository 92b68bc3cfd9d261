//go:build !linux

package main

import (
	"context"
	"errors"
)

func realMachine(context.Context, *daemon) (*machine, error) {
	return nil, errors.New("containers and VPC networks need Linux: use --runtime simulated")
}
