package laws

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// law is one rule about direct imports, tests left aside.
type law struct {
	name string
	// of says which packages it binds, by the path below the module.
	of func(pkg string) bool
	// ours are the only packages of this module that may be imported; nil: any.
	ours func(pkg, imported string) bool
	// never are packages, with all below them, that may not be imported.
	never  []string
	reason string
}

// impure are the parts of the standard library that do I/O, wait, log or draw.
func impure() []string {
	return []string{"os", "io/fs", "io/ioutil", "net", "log", "sync", "context", "math/rand", "crypto/rand", "syscall", "unsafe"}
}

// implementations of drivers and stores.
func implementations() []string {
	return []string{
		"seamark/internal/driver/runtime/containerd", "seamark/internal/driver/runtime/simulated",
		"seamark/internal/driver/network/linux", "seamark/internal/driver/network/simulated",
		"seamark/internal/store/etcd", "seamark/internal/store/mem", "seamark/internal/engine",
	}
}

// lawBook is docs/design/architecture.md's table of imports.
func lawBook() []law {
	return []law{
		{
			name: "world", of: is("internal/world"), ours: nothing, never: impure(),
			reason: "the world is a value: whoever holds it must not be able to change or reach anything",
		},
		{
			name: "plan", of: below("internal/plan"), ours: anyOf("internal/world", "internal/plan"), never: impure(),
			reason: "planners are pure: the same world and time give the same plan, in tests and after a crash",
		},
		{
			name: "api", of: below("internal/api"), ours: apiMay,
			reason: "an API writes wishes and shows the world; what follows from a wish is for planners and loops",
		},
		{
			name: "telemetry for logs and metrics only", of: apiBut("logs", "cloudwatch"), never: []string{"seamark/internal/telemetry"},
			reason: "streams have two APIs; what else wants to know something looks at the world",
		},
		{
			name: "data planes", of: anyBelow("internal/dataplane", "internal/resolver"),
			never:  []string{"seamark/internal/store", "seamark/internal/api", "seamark/internal/control", "seamark/internal/node", "seamark/internal/change"},
			reason: "a data plane serves the snapshot it was given, whether or not a control plane is there",
		},
		{
			name: "wire", of: below("internal/wire"), ours: anyOf("internal/wire"),
			reason: "protocols know no service: one codec for all of them",
		},
		{
			name: "store", of: is("internal/store"), ours: anyOf("internal/world", "internal/store"),
			reason: "the store keeps whatever world there is",
		},
		{
			name: "drivers", of: below("internal/driver"), never: []string{"seamark/internal/store", "seamark/internal/api", "seamark/internal/control", "seamark/internal/node"},
			reason: "a driver makes a machine equal to a value and decides nothing",
		},
		{
			name: "only cmd links implementations", of: linksNothing, never: implementations(),
			reason: "which driver and store there is, is decided in one place",
		},
	}
}

func nothing(string, string) bool { return false }

// forTests says whether a package exists for tests alone, by its name: a
// contract suite or a harness.
func forTests(pkg string) bool {
	return strings.HasSuffix(pkg, "test") || pkg == "internal/blackbox" || pkg == "internal/laws"
}

func is(p string) func(string) bool { return func(pkg string) bool { return pkg == p } }

func below(p string) func(string) bool {
	return func(pkg string) bool { return pkg == p || strings.HasPrefix(pkg, p+"/") }
}

func anyBelow(paths ...string) func(string) bool {
	return func(pkg string) bool {
		return slices.ContainsFunc(paths, func(p string) bool { return below(p)(pkg) })
	}
}

func anyOf(paths ...string) func(string, string) bool {
	return func(_, imported string) bool { return anyBelow(paths...)(imported) }
}

// apiShared are packages that several services' packages share.
func apiShared() []string {
	return []string{"internal/api/page", "internal/api/optional", "internal/api/commit"}
}

func apiMay(pkg, imported string) bool {
	may := append(apiShared(), "internal/world", "internal/store", "internal/wire", "internal/plan", "internal/change", "internal/telemetry", pkg)
	return anyBelow(may...)(imported)
}

func apiBut(services ...string) func(string) bool {
	return func(pkg string) bool {
		return below("internal/api")(pkg) && !slices.Contains(services, path.Base(pkg))
	}
}

// linksNothing are all packages but the binary and the implementations themselves.
func linksNothing(pkg string) bool {
	return !below("cmd")(pkg) && !anyBelow("internal/driver", "internal/store", "internal/engine")(pkg)
}

func TestImportLaw(t *testing.T) {
	bound := map[string]int{}
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, "seamark/")
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "seamark/"); ok && forTests(ours) && !forTests(name) {
				t.Errorf("%s imports %s, which is for tests", name, imported)
			}
		}
		for _, l := range lawBook() {
			if !l.of(name) || forTests(name) {
				continue
			}
			bound[l.name]++
			for _, imported := range p.Imports {
				if l.forbids(name, imported) {
					t.Errorf("%s imports %s: law %q forbids it, because %s", name, imported, l.name, l.reason)
				}
			}
		}
	}
	for _, l := range lawBook() {
		if bound[l.name] == 0 {
			t.Errorf("law %q binds no package: has it moved?", l.name)
		}
	}
}

func (l law) forbids(pkg, imported string) bool {
	if ours, ok := strings.CutPrefix(imported, "seamark/"); ok && l.ours != nil && !l.ours(pkg, ours) {
		return true
	}
	return slices.ContainsFunc(l.never, func(n string) bool {
		// net/netip and net/url are values; everything else below net is not.
		return imported == n || strings.HasPrefix(imported, n+"/") && imported != "net/netip" && imported != "net/url"
	})
}

// TestImportLaw_Catches: the law finds what it is there to find.
func TestImportLaw_Catches(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		forbidden     bool
	}{
		{"internal/world", "os", true},
		{"internal/world", "net/netip", false},
		{"internal/world", "seamark/internal/plan", true},
		{"internal/plan/deploy", "log/slog", true},
		{"internal/plan/deploy", "seamark/internal/world", false},
		{"internal/plan/deploy", "seamark/internal/store", true},
		{"internal/api/ecs", "seamark/internal/driver/network/linux", true},
		{"internal/api/ecs", "seamark/internal/api/ec2", true},
		{"internal/api/ecs", "seamark/internal/telemetry/logs", true},
		{"internal/api/logs", "seamark/internal/telemetry/logs", false},
		{"internal/resolver", "seamark/internal/store", true},
		{"internal/node", "seamark/internal/driver/runtime", false},
		{"internal/node", "seamark/internal/driver/runtime/containerd", true},
		{"cmd/seamark", "seamark/internal/driver/runtime/containerd", false},
	} {
		forbidden := slices.ContainsFunc(lawBook(), func(l law) bool { return l.of(c.pkg) && l.forbids(c.pkg, c.imported) })
		if forbidden != c.forbidden {
			t.Errorf("%s imports %s: forbidden %v, want %v", c.pkg, c.imported, forbidden, c.forbidden)
		}
	}
}
