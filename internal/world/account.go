package world

import "time"

// Scope is the account and Region that one Seamark speaks for.
type Scope struct {
	Region  string
	Account string
}

// ARN joins an ARN of this scope: arn:aws:SERVICE:REGION:ACCOUNT:RESOURCE.
func (s Scope) ARN(service, resource string) string {
	return "arn:aws:" + service + ":" + s.Region + ":" + s.Account + ":" + resource
}

// GlobalARN is an ARN without Region, as IAM has them.
func (s Scope) GlobalARN(service, resource string) string {
	return "arn:aws:" + service + "::" + s.Account + ":" + resource
}

// AccessKey is a long-term key pair.
type AccessKey struct {
	ID           string // AKIA…
	Secret       string
	PrincipalARN string
	UserID       string
	CreatedAt    time.Time
}

func (k *AccessKey) Kind() Kind  { return KindAccessKey }
func (k *AccessKey) Key() string { return k.ID }

// Role is an IAM role.
type Role struct {
	Name                     string
	ID                       string // AROA…
	Path                     string
	Description              string
	AssumeRolePolicyDocument string
	MaxSessionDuration       int32
	AttachedPolicies         []string // ARNs
	InlinePolicies           map[string]string
	Tags                     Tags
	CreatedAt                time.Time
}

func (r *Role) Kind() Kind  { return KindRole }
func (r *Role) Key() string { return r.Name }

// LogGroup is a CloudWatch Logs group. Its streams and events are not in the
// world (see package telemetry).
type LogGroup struct {
	Name          string
	RetentionDays int32 // 0: kept for ever
	Class         string
	Tags          Tags
	CreatedAt     time.Time
}

func (g *LogGroup) Kind() Kind  { return KindLogGroup }
func (g *LogGroup) Key() string { return g.Name }
