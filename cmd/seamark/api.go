package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"seamark/internal/api/applicationautoscaling"
	"seamark/internal/api/cloudwatch"
	"seamark/internal/api/ec2"
	"seamark/internal/api/ecr"
	"seamark/internal/api/ecs"
	"seamark/internal/api/elbv2"
	"seamark/internal/api/iam"
	"seamark/internal/api/logs"
	"seamark/internal/api/route53"
	"seamark/internal/api/route53resolver"
	"seamark/internal/api/secretsmanager"
	"seamark/internal/api/servicediscovery"
	"seamark/internal/api/ssm"
	"seamark/internal/api/sts"
	"seamark/internal/store"
	"seamark/internal/wire"
	"seamark/internal/wire/sigv4"
)

// api is every AWS service on one address. A service without operations answers
// each call with the name of what is not built.
func (d *daemon) api() http.Handler {
	mux := wire.NewMux(wire.Config{
		Logger:   d.requests.logger,
		Verifier: sigv4.New(sigv4.Config{Keys: keys{d.store, d.o.account}}),
		Region:   d.o.region, Account: d.o.account,
		Gate: gate(d.store),
	})
	scope := d.o.scope()
	for _, s := range []*wire.Service{
		ec2.NewService(ec2.New(ec2.Config{Changes: d.changes, Scope: scope, Console: d.console}).Operations()),
		ecs.NewService(ecs.New(ecs.Config{Changes: d.changes, Scope: scope}).Operations()),
		servicediscovery.NewService(servicediscovery.New(servicediscovery.Config{
			Changes: d.changes, Scope: scope, PrivateHealthChecks: d.o.checkPrivate, Quotas: d.o.quotas == "aws",
		}).Operations()),
		route53.NewService(route53.New(route53.Config{Changes: d.changes, Scope: scope}).Operations()),
		route53resolver.NewService(route53resolver.New(route53resolver.Config{Changes: d.changes, Scope: scope}).Operations()),
		logs.NewService(logs.New(logs.Config{Store: d.store, Logs: d.logs, Scope: scope}).Operations()),
		cloudwatch.NewService(cloudwatch.New(cloudwatch.Config{Metrics: d.metrics, Scope: scope}).Operations()),
		iam.NewService(iam.New(iam.Config{Changes: d.changes, Scope: scope}).Operations()),
		sts.NewService(sts.New(sts.Config{Scope: scope}).Operations()),
		elbv2.NewService(elbv2.Operations{}),
		ecr.NewService(ecr.Operations{}),
		applicationautoscaling.NewService(applicationautoscaling.Operations{}),
		ssm.NewService(ssm.Operations{}),
		secretsmanager.NewService(secretsmanager.Operations{}),
	} {
		mux.Add(s)
	}
	mux.Handle("GET /_seamark/health", http.HandlerFunc(d.health))
	return mux
}

// gate refuses changes while the store cannot take them; reads go on.
func gate(s store.Store) func(service, operation string, readOnly bool) error {
	return func(_, operation string, readOnly bool) error {
		if readOnly {
			return nil
		}
		if err := s.Ready(); err != nil {
			return wire.Errorf(http.StatusServiceUnavailable, "ServiceUnavailable", "%s is refused now: %v", operation, err)
		}
		return nil
	}
}

// health says that this Seamark serves, and whether it takes changes.
func (d *daemon) health(w http.ResponseWriter, _ *http.Request) {
	body := map[string]any{"version": version, "revision": d.store.View().Revision, "ready": true}
	if err := d.store.Ready(); err != nil {
		body["ready"], body["reason"] = false, fmt.Sprint(err)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client has gone: nobody to tell
}
