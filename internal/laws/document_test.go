package laws

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	code = regexp.MustCompile("(?s)```.*?```")
)

// TestLinks: what the documents point to is there.
func TestLinks(t *testing.T) {
	checked := 0
	documents(t, func(path, text string) {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			checked++
			file := filepath.Join(root(t), path)
			if target != "" {
				file = filepath.Join(filepath.Dir(file), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: link %s leads nowhere", path, m[1])
			} else if fragment != "" && !slices.Contains(headings(t, file), fragment) {
				t.Errorf("%s: link %s: no such heading", path, m[1])
			}
		}
	})
	if checked < 10 {
		t.Errorf("%d links found: the test looks at the wrong place", checked)
	}
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)

// headings are the anchors of a document, as code hosts make them.
func headings(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for line := range strings.Lines(code.ReplaceAllString(string(text), "")) {
		if h, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			anchors = append(anchors, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(h)), ""), " ", "-"))
		}
	}
	return anchors
}

// TestDecisionsListed: the list of decisions has all of them.
func TestDecisionsListed(t *testing.T) {
	list := document(t, "docs/decisions/README.md")
	documents(t, func(path, _ string) {
		if filepath.Dir(path) == filepath.Join("docs", "decisions") && !strings.Contains(list, "("+filepath.Base(path)+")") && filepath.Base(path) != "README.md" {
			t.Errorf("%s is not in the list", path)
		}
	})
}

// TestFidelityDocumented: each difference that a user may choose is a row.
func TestFidelityDocumented(t *testing.T) {
	rows := document(t, "docs/divergences.md")
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root(t), "internal/world/fidelity.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	methods := 0
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || !fn.Name.IsExported() {
			continue
		}
		methods++
		if !strings.Contains(rows, "`"+fn.Name.Name+"`") {
			t.Errorf("docs/divergences.md has no row for Fidelity.%s", fn.Name.Name)
		}
	}
	if methods == 0 {
		t.Error("Fidelity has no methods: has it moved?")
	}
}

var testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`)

// TestInvariantsGuarded: the tests that docs/invariants.md names exist, in the
// package that it names.
func TestInvariantsGuarded(t *testing.T) {
	tests := map[string]bool{} // "package TestName"
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w+)\(`)
	files(t, func(path string, text []byte) {
		if strings.HasSuffix(path, "_test.go") {
			for _, m := range declared.FindAllSubmatch(text, -1) {
				tests[filepath.Dir(path)+" "+string(m[1])] = true
			}
		}
	})
	rows := 0
	for line := range strings.Lines(document(t, "docs/invariants.md")) {
		for _, m := range regexp.MustCompile("`([a-z0-9/]+)` ((?:`(?:Test|Fuzz)\\w+`,? ?)+)").FindAllStringSubmatch(line, -1) {
			for _, name := range testName.FindAllString(m[2], -1) {
				rows++
				if !tests[m[1]+" "+name] && !tests["internal/"+m[1]+" "+name] {
					t.Errorf("docs/invariants.md names %s in %s, which does not exist", name, m[1])
				}
			}
		}
	}
	if rows < 20 {
		t.Errorf("docs/invariants.md names %d tests only: the test does not understand it", rows)
	}
}

// TestDependenciesDocumented: each module that code here imports is in the
// decision about dependencies.
func TestDependenciesDocumented(t *testing.T) {
	listed := map[string]bool{}
	for line := range strings.Lines(document(t, "docs/decisions/0007-dependencies.md")) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, word := range words(cells[1]) {
				listed[word] = true
			}
		}
	}
	modules := required(t)
	for _, p := range packages(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			m := moduleOf(modules, imported)
			if m != "" && !listed[m] {
				t.Errorf("%s imports %s: module %s is not in docs/decisions/0007-dependencies.md", p.ImportPath, imported, m)
				listed[m] = true // once is enough
			}
		}
	}
}

// required are the modules in go.mod.
func required(t *testing.T) []string {
	t.Helper()
	var modules []string
	for line := range strings.Lines(document(t, "go.mod")) {
		if f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require ")); len(f) >= 2 && strings.Contains(f[0], ".") {
			modules = append(modules, f[0])
		}
	}
	return modules
}

// moduleOf is the module that a package is in: the longest that fits.
func moduleOf(modules []string, imported string) string {
	best := ""
	for _, m := range modules {
		if (imported == m || strings.HasPrefix(imported, m+"/")) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// words are the module paths in a cell, with a/{b,c} written out; a name
// without a host is beside the one before it.
func words(cell string) []string {
	var out []string
	beside := ""
	for _, w := range splitOutsideBraces(cell) {
		w, _, _ = strings.Cut(strings.TrimSpace(w), " ") // without the version
		if host, _, _ := strings.Cut(w, "/"); !strings.Contains(host, ".") {
			w = beside + w
		}
		beside = w[:strings.LastIndex(w, "/")+1]
		out = append(out, expand(w)...)
	}
	return out
}

func splitOutsideBraces(s string) []string {
	depth := 0
	return strings.FieldsFunc(s, func(r rune) bool {
		switch r {
		case '{':
			depth++
		case '}':
			depth--
		}
		return r == ',' && depth == 0
	})
}

// expand writes a{b,c}d out as abd and acd.
func expand(s string) []string {
	before, rest, ok := strings.Cut(s, "{")
	inner, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{s}
	}
	var out []string
	for part := range strings.SplitSeq(inner, ",") {
		out = append(out, expand(before+part+after)...)
	}
	return out
}

// document is the text of one file.
func document(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
