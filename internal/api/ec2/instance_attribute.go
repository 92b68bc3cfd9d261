package ec2

import (
	"context"
	"encoding/base64"

	"seamark/internal/world"
)

// DescribeInstanceAttribute shows one attribute of an instance.
func (s *Server) DescribeInstanceAttribute(_ context.Context, in *DescribeInstanceAttributeInput) (*DescribeInstanceAttributeOutput, error) {
	w := s.view()
	i, err := findInstance(w, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &DescribeInstanceAttributeOutput{InstanceId: in.InstanceId}
	if err := setAttribute(out, w, i, *in.Attribute); err != nil {
		return nil, err
	}
	return out, dry(in.DryRun)
}

func setAttribute(out *DescribeInstanceAttributeOutput, w world.World, i *world.Instance, name string) error {
	switch name {
	case InstanceAttributeNameInstanceType:
		out.InstanceType = &AttributeValue{&i.Type}
	case InstanceAttributeNameUserData:
		out.UserData = &AttributeValue{}
		if len(i.UserData) > 0 {
			out.UserData.Value = new(base64.StdEncoding.EncodeToString(i.UserData))
		}
	case InstanceAttributeNameGroupSet:
		out.Groups = showGroups(w, i.SecurityGroups)
	case InstanceAttributeNameSourceDestCheck:
		out.SourceDestCheck = &AttributeBooleanValue{new(true)}
	case InstanceAttributeNameDisableApiTermination:
		out.DisableApiTermination = &AttributeBooleanValue{new(false)}
	case InstanceAttributeNameDisableApiStop:
		out.DisableApiStop = &AttributeBooleanValue{new(false)}
	case InstanceAttributeNameInstanceInitiatedShutdownBehavior:
		out.InstanceInitiatedShutdownBehavior = &AttributeValue{new(ShutdownBehaviorStop)}
	case InstanceAttributeNameBlockDeviceMapping:
		out.BlockDeviceMappings = []InstanceBlockDeviceMapping{}
	case InstanceAttributeNameEbsOptimized:
		out.EbsOptimized = &AttributeBooleanValue{new(false)}
	default:
		return unbuilt("attribute " + name)
	}
	return nil
}
