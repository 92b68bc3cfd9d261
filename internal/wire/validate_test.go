package wire_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"seamark/internal/api/ec2"
	"seamark/internal/api/elbv2"
	"seamark/internal/api/iam"
	"seamark/internal/api/logs"
	"seamark/internal/api/route53"
	"seamark/internal/api/route53resolver"
	"seamark/internal/api/secretsmanager"
	"seamark/internal/api/servicediscovery"
	"seamark/internal/api/ssm"
	"seamark/internal/wire"
)

// TestValidate_messages holds AWS's wording for each kind of constraint.
func TestValidate_messages(t *testing.T) {
	s := emptyServices()
	long := func(n int) string { return strings.Repeat("a", n) }
	for name, c := range map[string]struct {
		service string
		in      any
		code    string // empty: valid
		message string
	}{
		"required": {"servicediscovery", &servicediscovery.GetServiceInput{}, "InvalidInput",
			"1 validation error detected: Value null at 'id' failed to satisfy constraint: Member must not be null"},
		"nested required in a list": {"servicediscovery", &servicediscovery.TagResourceInput{ResourceARN: aws.String("arn:aws:servicediscovery:x"), Tags: []servicediscovery.Tag{{Key: aws.String("k"), Value: aws.String("v")}, {}}}, "InvalidInput",
			"2 validation errors detected: Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null; Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not be null"},
		"nested struct": {"servicediscovery", &servicediscovery.CreateServiceInput{Name: aws.String("web"), DnsConfig: &servicediscovery.DnsConfig{DnsRecords: []servicediscovery.DnsRecord{{TTL: aws.Int64(-1), Type: aws.String("A")}}}}, "InvalidInput",
			"1 validation error detected: Value '-1' at 'dnsConfig.dnsRecords.1.member.tTL' failed to satisfy constraint: Member must have value greater than or equal to 0"},
		"enum": {"servicediscovery", &servicediscovery.CreateServiceInput{Name: aws.String("web"), Type: aws.String("DNS")}, "InvalidInput",
			"1 validation error detected: Value 'DNS' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [HTTP]"},
		"integer range": {"servicediscovery", &servicediscovery.ListServicesInput{MaxResults: aws.Int32(101)}, "InvalidInput",
			"1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100"},
		"two on one member": {"servicediscovery", &servicediscovery.CreateHttpNamespaceInput{Name: aws.String("")}, "InvalidInput",
			"Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?!arn:)[!-~]{1,1024}$"},
		"map key": {"servicediscovery", &servicediscovery.RegisterInstanceInput{ServiceId: aws.String("srv-1"), InstanceId: aws.String("i"), Attributes: map[string]string{long(256): "x"}}, "InvalidInput",
			"at 'attributes' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must satisfy regular expression pattern: ^[a-zA-Z0-9!-~]+$]"},
		"map value": {"servicediscovery", &servicediscovery.RegisterInstanceInput{ServiceId: aws.String("srv-1"), InstanceId: aws.String("i"), Attributes: map[string]string{"AWS_INSTANCE_IPV4": long(1025)}}, "InvalidInput",
			"failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 1024, Member must satisfy regular expression pattern: ^([a-zA-Z0-9!-~][ \\ta-zA-Z0-9!-~]*){0,1}[a-zA-Z0-9!-~]{0,1}$]"},
		"list of strings": {"logs", &logs.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{"ok", "a:b"}}, "InvalidParameterException",
			"1 validation error detected: Value '[ok, a:b]' at 'logStreamNames' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 512, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [^:*]*]"},
		"empty list": {"logs", &logs.FilterLogEventsInput{LogGroupName: aws.String("g"), LogStreamNames: []string{}}, "InvalidParameterException",
			"1 validation error detected: Value '[]' at 'logStreamNames' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"list of structures too short": {"route53", &route53.ChangeResourceRecordSetsInput{HostedZoneId: aws.String("Z1"), ChangeBatch: &route53.ChangeBatch{Changes: []route53.Change{}}}, "InvalidInput",
			"1 validation error detected: Value '[]' at 'changeBatch.changes' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		"tag values": {"iam", &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String("{}"), Tags: []iam.Tag{{Key: aws.String("<"), Value: aws.String("v")}}}, "ValidationError",
			"1 validation error detected: Value '<' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+"},
		"elb enum":      {"elbv2", &elbv2.CreateTargetGroupInput{Name: aws.String("a"), Protocol: aws.String("HTTQ")}, "ValidationError", "Value 'HTTQ' at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, HTTPS, TCP"},
		"resolver name": {"route53resolver", &route53resolver.CreateResolverRuleInput{CreatorRequestId: aws.String("c"), RuleType: aws.String("FORWARD"), Name: aws.String("123")}, "InvalidParameterException", "Value '123' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9\\-_' ']+)"},
		"secret value":  {"secretsmanager", &secretsmanager.CreateSecretInput{Name: aws.String("n"), SecretString: aws.String(long(65537))}, "ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536"},
		"many":          {"iam", &iam.TagRoleInput{RoleName: aws.String("r"), Tags: make([]iam.Tag, 30)}, "ValidationError", "10 validation errors detected: "},
		"long value cut": {"ssm", &ssm.PutParameterInput{Name: aws.String(long(5000)), Value: aws.String("v")}, "ValidationException",
			"Value '" + long(2048) + "...' at 'name' failed to satisfy constraint: Member must have length less than or equal to 2048"},
		"utf-16 length": {"servicediscovery", &servicediscovery.CreateHttpNamespaceInput{Name: aws.String("n"), Description: aws.String(strings.Repeat("😀", 513))}, "InvalidInput", "at 'description' failed to satisfy constraint: Member must have length less than or equal to 1024"},
		"utf-16 fits":   {"servicediscovery", &servicediscovery.CreateHttpNamespaceInput{Name: aws.String("n"), Description: aws.String(strings.Repeat("😀", 512))}, "", ""},
		"valid":         {"servicediscovery", &servicediscovery.CreateServiceInput{Name: aws.String("web"), DnsConfig: &servicediscovery.DnsConfig{DnsRecords: []servicediscovery.DnsRecord{{TTL: aws.Int64(0), Type: aws.String("A")}}}}, "", ""},
		"ec2 missing":   {"ec2", &ec2.DeleteSubnetInput{}, "MissingParameter", "The request must contain the parameter SubnetId"},
		"ec2 nested":    {"ec2", &ec2.CreateTagsInput{Resources: []string{"vpc-1"}}, "MissingParameter", "The request must contain the parameter Tag"},
		"ec2 maximum":   {"ec2", &ec2.DescribeVpcsInput{MaxResults: aws.Int32(1001)}, "InvalidParameterValue", "Value (1001) for parameter maxResults is invalid. Expecting a value less than or equal to 1000."},
		"ec2 enum":      {"ec2", &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: aws.String("t99.huge")}, "InvalidParameterValue", "Value (t99.huge) for parameter instanceType is invalid."},
	} {
		t.Run(name, func(t *testing.T) {
			err := wire.Validate(s[c.service], c.in)
			if c.code == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Code != c.code && err.QueryCode != c.code || !strings.Contains(err.Message, c.message) || err.Status != 400 {
				t.Errorf("%d %s: %s\nwant %s: %s", err.Status, err.Code, err.Message, c.code, c.message)
			}
		})
	}
}

func TestReadOnly_byName(t *testing.T) {
	for op, want := range map[string]bool{
		"DescribeVpcs": true, "ListTasks": true, "GetOperation": true, "DiscoverInstances": true, "FilterLogEvents": true,
		"TestDNSAnswer": true, "BatchGetImage": true, "SearchLocalGatewayRoutes": true, "CreateVpc": false, "RunTask": false,
		"DeregisterInstance": false, "UpdateInstanceCustomHealthStatus": false, "PutMetricData": false, "BatchDeleteImage": false,
	} {
		if wire.ReadOnly(op) != want {
			t.Errorf("%s: read only %v", op, !want)
		}
	}
}
