package ecs

// notBuilt refuses a part of a task definition that AWS has and Seamark does
// not. It is never left out in silence: a task without it would be another one.
func notBuilt(feature string) error { return refuse("%s is not built in Seamark yet.", feature) }

// feature is something that a request may ask for.
type feature struct {
	asked bool
	name  string
}

func firstAsked(features []feature) string {
	for _, f := range features {
		if f.asked {
			return f.name
		}
	}
	return ""
}

// checkBuilt refuses what is not built.
func (r *registration) checkBuilt() error {
	features := r.taskFeatures()
	for i := range r.in.Volumes {
		features = append(features, volumeFeatures(&r.in.Volumes[i])...)
	}
	for i := range r.in.ContainerDefinitions {
		features = append(features, containerFeatures(&r.in.ContainerDefinitions[i])...)
	}
	if name := firstAsked(features); name != "" {
		return notBuilt(name)
	}
	return r.checkStorage()
}

func (r *registration) taskFeatures() []feature {
	system, cpu := "", ""
	if p := r.in.RuntimePlatform; p != nil {
		system, cpu = val(p.OperatingSystemFamily), val(p.CpuArchitecture)
	}
	return []feature{
		{r.requires(CompatibilityExternal), "Compatibility EXTERNAL"},
		{r.requires(CompatibilityManagedInstances), "Compatibility MANAGED_INSTANCES"},
		{len(r.in.InferenceAccelerators) > 0, "Parameter inferenceAccelerators"},
		{r.in.ProxyConfiguration != nil, "Parameter proxyConfiguration"},
		{val(r.in.EnableFaultInjection), "Parameter enableFaultInjection"},
		{val(r.in.PidMode) == PidModeTask, "pidMode task"},
		{system != "" && system != OSFamilyLinux, "operatingSystemFamily " + system},
		{cpu == CPUArchitectureArm64 && r.architecture != "arm64", "cpuArchitecture ARM64 on this machine"},
		{cpu == CPUArchitectureX8664 && r.architecture != "x86_64", "cpuArchitecture X86_64 on this machine"},
	}
}

func volumeFeatures(v *Volume) []feature {
	return []feature{
		{v.EfsVolumeConfiguration != nil, "Parameter efsVolumeConfiguration"},
		{v.FsxWindowsFileServerVolumeConfiguration != nil, "Parameter fsxWindowsFileServerVolumeConfiguration"},
		{v.S3filesVolumeConfiguration != nil, "Parameter s3filesVolumeConfiguration"},
		{v.DockerVolumeConfiguration != nil, "Parameter dockerVolumeConfiguration"},
		{val(v.ConfiguredAtLaunch), "Parameter configuredAtLaunch"},
	}
}

func containerFeatures(c *ContainerDefinition) []feature {
	features := []feature{
		{len(c.Secrets) > 0, "Parameter secrets"},
		{len(c.EnvironmentFiles) > 0, "Parameter environmentFiles"},
		{c.RepositoryCredentials != nil, "Parameter repositoryCredentials"},
		{c.FirelensConfiguration != nil, "Parameter firelensConfiguration"},
		{len(c.ResourceRequirements) > 0, "Parameter resourceRequirements"},
		{len(c.CredentialSpecs) > 0, "Parameter credentialSpecs"},
		{len(c.DockerSecurityOptions) > 0, "Parameter dockerSecurityOptions"},
		{val(c.Interactive), "Parameter interactive"},
		{val(c.PseudoTerminal), "Parameter pseudoTerminal"},
		{c.RestartPolicy != nil && val(c.RestartPolicy.Enabled), "Parameter restartPolicy"},
		{logDriver(c) != "" && logDriver(c) != LogDriverAwslogs, "Log driver " + logDriver(c)},
		{c.LogConfiguration != nil && len(c.LogConfiguration.SecretOptions) > 0, "Parameter secretOptions"},
	}
	for _, p := range c.PortMappings {
		features = append(features, feature{p.ContainerPortRange != nil, "Parameter containerPortRange"})
	}
	return features
}

// checkStorage checks the size of a task's own storage.
func (r *registration) checkStorage() error {
	if r.in.EphemeralStorage == nil {
		return nil
	}
	return checkEphemeral(val(r.in.EphemeralStorage.SizeInGiB))
}

func checkEphemeral(gib int32) error {
	if gib < minEphemeralGiB || gib > maxEphemeralGiB {
		return refuse("Invalid 'sizeInGiB' setting for 'ephemeralStorage'. It must be between %d and %d.", minEphemeralGiB, maxEphemeralGiB)
	}
	return nil
}
