package laws

import (
	"bytes"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackageDocs: each package says what it is, in exactly one file.
func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t) {
		var with []string
		code := 0
		for _, names := range [][]string{p.GoFiles, p.IgnoredGoFiles} {
			for _, name := range names {
				if strings.HasSuffix(name, "_test.go") {
					continue
				}
				code++
				f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
				if err != nil {
					t.Error(err)
				} else if f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" {
					with = append(with, name)
				}
			}
		}
		if code > 0 && len(with) != 1 {
			t.Errorf("%s: package comment in %d files %v, want one", p.ImportPath, len(with), with)
		}
	}
}

// generated is the line that Go's tools know (go help generate).
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// TestGenerated: generated files are called zz_ and say so; no others do.
func TestGenerated(t *testing.T) {
	seen := 0
	files(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		head, _, _ := bytes.Cut(text, []byte("\npackage "))
		says, named := generated.Match(head), strings.HasPrefix(filepath.Base(path), "zz_")
		if says != named {
			t.Errorf("%s: called generated %v, says that it is %v", path, named, says)
		}
		if named {
			seen++
		}
	})
	if seen == 0 {
		t.Error("no generated files: has their name changed?")
	}
}

// maxLines is where a file is to be split.
const maxLines = 800

func TestFileSize(t *testing.T) {
	files(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".md") || strings.HasPrefix(filepath.Base(path), "zz_") {
			return
		}
		if n := bytes.Count(text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, more than %d: it holds more than one noun", path, n, maxLines)
		}
	})
}

// TestLicences: the files that licences ask for are there.
func TestLicences(t *testing.T) {
	want := map[string]string{"LICENSE": "Apache License", "NOTICE": "botocore", "models/README.md": "Apache License"}
	files(t, func(path string, text []byte) {
		if words, ok := want[path]; ok && strings.Contains(string(text), words) {
			delete(want, path)
		}
	})
	for path, words := range want {
		t.Errorf("%s is missing, or does not say %q", path, words)
	}
}

// TestNoForeignWords: nothing here depends on, or speaks of, the place where it
// was written. The words are put together so that this file has none of them.
func TestNoForeignWords(t *testing.T) {
	foreign := regexp.MustCompile(strings.Join([]string{
		`(^|[^\w./-])/` + `work/`,
		`/tmp/` + `house`, `/tmp/` + `issues`,
		`\.\./` + `shared/`,
		`(?i)\b` + `clau` + `de\b`, `(?i)anthr` + `opic`,
	}, "|"))
	files(t, func(path string, text []byte) {
		if bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			return // no text
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			if len(line) < 10_000 && foreign.Match(line) {
				t.Errorf("%s:%d: %.120s", path, n+1, line)
			}
		}
	})
}
