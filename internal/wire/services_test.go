package wire_test

import (
	"testing"

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
	"seamark/internal/wire"
)

// emptyServices returns every service without a handler.
func emptyServices() map[string]*wire.Service {
	return map[string]*wire.Service{
		"applicationautoscaling": applicationautoscaling.NewService(applicationautoscaling.Operations{}),
		"cloudwatch":             cloudwatch.NewService(cloudwatch.Operations{}),
		"ec2":                    ec2.NewService(ec2.Operations{}),
		"ecr":                    ecr.NewService(ecr.Operations{}),
		"ecs":                    ecs.NewService(ecs.Operations{}),
		"elbv2":                  elbv2.NewService(elbv2.Operations{}),
		"iam":                    iam.NewService(iam.Operations{}),
		"logs":                   logs.NewService(logs.Operations{}),
		"route53":                route53.NewService(route53.Operations{}),
		"route53resolver":        route53resolver.NewService(route53resolver.Operations{}),
		"secretsmanager":         secretsmanager.NewService(secretsmanager.Operations{}),
		"servicediscovery":       servicediscovery.NewService(servicediscovery.Operations{}),
		"ssm":                    ssm.NewService(ssm.Operations{}),
		"sts":                    sts.NewService(sts.Operations{}),
	}
}

// TestServices_planAndConstraints plans every type of every service and
// compiles every pattern, which happen lazily in a server.
func TestServices_planAndConstraints(t *testing.T) {
	ops, patterns := 0, 0
	for name, s := range emptyServices() {
		ops += wire.PlanAll(s)
		patterns += wire.CompileAllPatterns(s)
		if missing := wire.MissingShapes(s); len(missing) > 0 {
			t.Errorf("%s: tags name shapes without a row: %v", name, missing)
		}
	}
	if ops < 1000 || patterns < 200 {
		t.Errorf("planned %d operations and %d patterns; the models have more", ops, patterns)
	}
	t.Logf("%d operations, %d patterns", ops, patterns)
}
