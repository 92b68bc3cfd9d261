package ec2

import (
	"context"
	"slices"
	"strconv"

	"seamark/internal/world"
)

// testMachine is the AMI id of Seamark's own machine image, the one that boots
// in AWS's fidelity.
const testMachine = world.TestMachineImage

func noImage(id string) error {
	return fail("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
}

// DescribeImages lists the one image there is. That others boot it too in relaxed
// fidelity does not make images of them.
func (s *Server) DescribeImages(_ context.Context, in *DescribeImagesInput) (*DescribeImagesOutput, error) {
	machine := Image{
		ImageId: new(testMachine), Name: new("seamark-test-machine"), Description: new("Seamark's test machine: a container with an init and network tools"),
		ImageLocation: new(s.cfg.Scope.Account + "/seamark-test-machine"), OwnerId: &s.cfg.Scope.Account, Public: new(false), State: new("available"),
		Architecture: new(architecture()), ImageType: new("machine"), Hypervisor: new("xen"), VirtualizationType: new("hvm"), EnaSupport: new(true),
		RootDeviceType: new("instance-store"), PlatformDetails: new("Linux/UNIX"), BlockDeviceMappings: []BlockDeviceMapping{},
	}
	l := listing[Image]{
		rows: slices.Values([]*Image{&machine}), id: func(i *Image) string { return *i.ImageId }, tags: func(*Image) world.Tags { return nil },
		find: func(id string) (*Image, error) {
			switch {
			case id == testMachine:
				return &machine, nil
			case !amiPattern.MatchString(id):
				return nil, fail("InvalidAMIID.Malformed", "Invalid id: %q (expecting %q)", id, "ami-...")
			}
			return nil, noImage(id)
		},
		keep: func(i *Image) bool {
			mine := len(in.Owners) == 0 || slices.Contains(in.Owners, "self") || slices.Contains(in.Owners, *i.OwnerId)
			return mine && len(in.ExecutableUsers) == 0 // nobody else may launch it
		},
		names: []string{"architecture", "description", "ena-support", "hypervisor", "image-id", "image-type", "is-public", "name", "owner-alias", "owner-id",
			"platform", "platform-details", "root-device-name", "root-device-type", "state", "virtualization-type"},
		props: func(i *Image) map[string][]string {
			return map[string][]string{
				"architecture": {*i.Architecture}, "description": {*i.Description}, "ena-support": {"true"}, "hypervisor": {*i.Hypervisor}, "image-id": {*i.ImageId},
				"image-type": {*i.ImageType}, "is-public": {strconv.FormatBool(*i.Public)}, "name": {*i.Name}, "owner-id": {*i.OwnerId},
				"platform-details": {*i.PlatformDetails}, "root-device-type": {*i.RootDeviceType}, "state": {*i.State}, "virtualization-type": {*i.VirtualizationType},
			}
		},
	}
	cut, next, err := l.describe(request{in.DryRun, in.ImageIds, in.Filters, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &DescribeImagesOutput{NextToken: next, Images: []Image{}}
	for _, i := range cut {
		out.Images = append(out.Images, *i)
	}
	return out, nil
}
