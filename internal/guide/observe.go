package guide

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/servicediscovery"
)

// observe shows health, events, logs and the number of DNS queries.
func (w *Walk) observe(ctx context.Context) error {
	checks := []func(context.Context) error{w.health, w.events}
	if w.o.Inside != nil {
		checks = append(checks, w.logLines)
	}
	for _, check := range append(checks, w.queries) {
		if err := until(ctx, check); err != nil {
			return err
		}
	}
	return nil
}

func (w *Walk) health(ctx context.Context) error {
	out, err := w.discovery.GetInstancesHealthStatus(ctx, &servicediscovery.GetInstancesHealthStatusInput{ServiceId: &w.service})
	if err != nil {
		return err
	}
	w.command("aws servicediscovery get-instances-health-status --service-id %s", w.service)
	for _, id := range slices.Sorted(maps.Keys(out.Status)) {
		w.result("%s %s", id, out.Status[id])
	}
	return nil
}

func (w *Walk) events(ctx context.Context) error {
	out, err := w.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(clusterName), Services: []string{serviceName}})
	if err != nil {
		return err
	}
	w.command("aws ecs describe-services --cluster %s --services %s --query 'services[0].events[0:5]'", clusterName, serviceName)
	for _, e := range out.Services[0].Events[:min(5, len(out.Services[0].Events))] {
		w.result("%s %s", e.CreatedAt.Format(time.TimeOnly), aws.ToString(e.Message))
	}
	return nil
}

func (w *Walk) logLines(ctx context.Context) error {
	out, err := w.logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(logGroup), StartTime: aws.Int64(w.started.UnixMilli()), FilterPattern: aws.String(`"HEAD / HTTP"`),
	})
	if err != nil {
		return err
	}
	if len(out.Events) == 0 {
		return errors.New("the containers' requests are not in their log group")
	}
	w.command(`aws logs filter-log-events --log-group-name %s --filter-pattern '"HEAD / HTTP"'`, logGroup)
	for _, e := range out.Events[:min(3, len(out.Events))] {
		w.result("%s", aws.ToString(e.Message))
	}
	return nil
}

func (w *Walk) queries(ctx context.Context) error {
	now := time.Now()
	out, err := w.cloudwatch.GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/Route53Resolver"), MetricName: aws.String("QueryCount"),
		Dimensions: []cwtypes.Dimension{{Name: aws.String("VPC"), Value: &w.vpc}},
		StartTime:  aws.Time(now.Add(-time.Hour)), EndTime: aws.Time(now.Add(2 * time.Minute)), Period: aws.Int32(3600), Statistics: []cwtypes.Statistic{cwtypes.StatisticSum},
	})
	if err != nil {
		return err
	}
	sum := 0.0
	for _, p := range out.Datapoints {
		sum += aws.ToFloat64(p.Sum)
	}
	if sum == 0 {
		return fmt.Errorf("no DNS queries were counted for %s", w.vpc)
	}
	w.command("aws cloudwatch get-metric-statistics --namespace AWS/Route53Resolver --metric-name QueryCount \\\n    --dimensions Name=VPC,Value=%s --period 3600 --statistics Sum …", w.vpc)
	w.result("%.0f DNS queries in this VPC", sum)
	return nil
}
