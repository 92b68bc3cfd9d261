package world

import "testing"

func TestCheckExtensions(t *testing.T) {
	for name, c := range map[string]struct {
		check func(Tags) error
		tags  Tags
		ok    bool
	}{
		"none":                       {CheckDiscoveryExtensions, nil, true},
		"other tags":                 {CheckDiscoveryExtensions, Tags{"Name": "x", "seamark": "y"}, true},
		"all of Cloud Map's":         {CheckDiscoveryExtensions, Tags{"seamark:answers": "all", "seamark:port-names": "true", "seamark:host-addresses": "true"}, true},
		"another value":              {CheckDiscoveryExtensions, Tags{"seamark:answers": "12"}, false},
		"ECS's on a Cloud Map one":   {CheckDiscoveryExtensions, Tags{"seamark:registries": "many"}, false},
		"public addresses, unbuilt":  {CheckDiscoveryExtensions, Tags{"seamark:public-addresses": "true"}, false},
		"ECS's":                      {CheckServiceExtensions, Tags{"seamark:registries": "many"}, true},
		"Cloud Map's on an ECS one":  {CheckServiceExtensions, Tags{"seamark:answers": "all"}, false},
		"a typing error is not lost": {CheckServiceExtensions, Tags{"seamark:registrys": "many"}, false},
	} {
		if err := c.check(c.tags); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
