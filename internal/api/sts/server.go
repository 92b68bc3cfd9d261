package sts

import (
	"context"

	"seamark/internal/wire"
	"seamark/internal/world"
)

// Config is what the API needs.
type Config struct{ Scope world.Scope }

// Server is the STS API.
type Server struct{ cfg Config }

// New returns the API over cfg.
func New(cfg Config) *Server { return &Server{cfg} }

// Operations lists what is built.
func (s *Server) Operations() Operations {
	return Operations{GetCallerIdentity: s.GetCallerIdentity}
}

// GetCallerIdentity says who signed the request.
func (s *Server) GetCallerIdentity(ctx context.Context, _ *GetCallerIdentityInput) (*GetCallerIdentityOutput, error) {
	r := wire.RequestFrom(ctx)
	return &GetCallerIdentityOutput{Account: new(s.cfg.Scope.Account), Arn: new(r.PrincipalARN), UserId: new(r.UserID)}, nil
}
