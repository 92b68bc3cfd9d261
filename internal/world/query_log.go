package world

import "strings"

// QueryLogConfig says where the DNS queries of VPCs are logged.
type QueryLogConfig struct {
	ID          string // rqlc-…
	Name        string
	Destination string // ARN of a CloudWatch Logs group
	Tags        Tags
	ResolverRequest
}

func (c *QueryLogConfig) Kind() Kind  { return KindQueryLogConfig }
func (c *QueryLogConfig) Key() string { return c.ID }

// LogGroup is the name of the log group that the destination is.
func (c *QueryLogConfig) LogGroup() string {
	_, name, _ := strings.Cut(c.Destination, ":log-group:")
	return strings.TrimSuffix(name, ":*")
}

// QueryLogAssociation logs the queries of a VPC.
type QueryLogAssociation struct {
	ID     string // rqlca-…
	Config string
	VPC    VPCID
	// NoGroup: the log group did not exist when the association was made.
	NoGroup bool
	ResolverRequest
}

func (a *QueryLogAssociation) Kind() Kind  { return KindQueryLogAssociation }
func (a *QueryLogAssociation) Key() string { return a.ID }

func queryLogConfig(a *QueryLogAssociation) []string { return []string{a.Config} }
func queryLogVPC(a *QueryLogAssociation) []string    { return []string{string(a.VPC)} }

// QueryLogsOf yields the associations of a query log configuration.
func (w World) QueryLogsOf(config string) Rows[QueryLogAssociation] {
	return by(w.QueryLogAssociations, 0, config)
}

// QueryLogsIn yields the query log associations of a VPC.
func (w World) QueryLogsIn(id VPCID) Rows[QueryLogAssociation] {
	return by(w.QueryLogAssociations, 1, string(id))
}
