package ec2

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"seamark/internal/world"
)

// size is what an instance type promises (EC2 user guide, "Instance types").
// Seamark's instances share the machine; their type is only a name.
type size struct {
	name string
	cpus int32
	mib  int64
}

// sizes are the types of the families that guides use, by name.
func sizes() []size {
	return []size{
		{"m5.12xlarge", 48, 196608}, {"m5.16xlarge", 64, 262144}, {"m5.24xlarge", 96, 393216}, {"m5.2xlarge", 8, 32768},
		{"m5.4xlarge", 16, 65536}, {"m5.8xlarge", 32, 131072}, {"m5.large", 2, 8192}, {"m5.xlarge", 4, 16384},
		{"t2.2xlarge", 8, 32768}, {"t2.large", 2, 8192}, {"t2.medium", 2, 4096}, {"t2.micro", 1, 1024}, {"t2.nano", 1, 512},
		{"t2.small", 1, 2048}, {"t2.xlarge", 4, 16384},
		{"t3.2xlarge", 8, 32768}, {"t3.large", 2, 8192}, {"t3.medium", 2, 4096}, {"t3.micro", 2, 1024}, {"t3.nano", 2, 512},
		{"t3.small", 2, 2048}, {"t3.xlarge", 4, 16384},
	}
}

func (z size) burstable() bool { return z.name[0] == 't' }

func (z size) hypervisor() string {
	if strings.HasPrefix(z.name, "t2.") {
		return InstanceTypeHypervisorXen
	}
	return InstanceTypeHypervisorNitro
}

// DescribeInstanceTypes lists the types of the t2, t3 and m5 families.
func (s *Server) DescribeInstanceTypes(_ context.Context, in *DescribeInstanceTypesInput) (*DescribeInstanceTypesOutput, error) {
	known := sizes()
	rows := make([]*size, len(known))
	for i := range known {
		rows[i] = &known[i]
	}
	l := listing[size]{
		rows: slices.Values(rows), id: func(z *size) string { return z.name }, tags: func(*size) world.Tags { return nil },
		find: func(name string) (*size, error) {
			i := slices.IndexFunc(rows, func(z *size) bool { return z.name == name })
			if i < 0 {
				return nil, unbuilt("the description of instance type " + name)
			}
			return rows[i], nil
		},
		names: []string{"bare-metal", "burstable-performance-supported", "current-generation", "hypervisor", "instance-type", "memory-info.size-in-mib",
			"processor-info.supported-architecture", "supported-usage-class", "supported-virtualization-type", "vcpu-info.default-vcpus"},
		props: func(z *size) map[string][]string {
			return map[string][]string{
				"bare-metal": {"false"}, "burstable-performance-supported": {strconv.FormatBool(z.burstable())}, "current-generation": {"true"},
				"hypervisor": {z.hypervisor()}, "instance-type": {z.name}, "memory-info.size-in-mib": {strconv.FormatInt(z.mib, 10)},
				"processor-info.supported-architecture": {ArchitectureValuesX8664}, "supported-usage-class": {"on-demand"}, "supported-virtualization-type": {"hvm"},
				"vcpu-info.default-vcpus": {strconv.Itoa(int(z.cpus))},
			}
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.InstanceTypes, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeInstanceTypesOutput{NextToken: next, InstanceTypes: []InstanceTypeInfo{}}
	for _, z := range cut {
		out.InstanceTypes = append(out.InstanceTypes, InstanceTypeInfo{
			InstanceType: &z.name, BareMetal: new(false), BurstablePerformanceSupported: new(z.burstable()), CurrentGeneration: new(true), Hypervisor: new(z.hypervisor()),
			MemoryInfo: &MemoryInfo{SizeInMiB: &z.mib}, VCpuInfo: &VCpuInfo{DefaultVCpus: &z.cpus}, ProcessorInfo: &ProcessorInfo{SupportedArchitectures: []string{ArchitectureValuesX8664}},
			InstanceStorageSupported: new(false), SupportedUsageClasses: []string{"on-demand"}, SupportedVirtualizationTypes: []string{"hvm"},
		})
	}
	return out, nil
}
