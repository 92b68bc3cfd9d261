package laws

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// root is the repository's.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath                          string
	Dir                                 string
	Imports, TestImports, XTestImports  []string
	GoFiles, IgnoredGoFiles, CgoFiles   []string
	TestGoFiles, XTestGoFiles, OtherDep []string
}

var listOnce = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Imports,TestImports,XTestImports,GoFiles,IgnoredGoFiles", "./...")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var list []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
})

// packages are all of this module.
func packages(t *testing.T) []pkg {
	t.Helper()
	list, err := listOnce()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if len(list) < 30 {
		t.Fatalf("go list found %d packages only", len(list))
	}
	return list
}

// files calls f with each file of the repository that is no build product, by
// its path from the root.
func files(t *testing.T, f func(path string, text []byte)) {
	t.Helper()
	top := root(t)
	built := []string{".git", "bin", "images/out"}
	err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		switch {
		case e.IsDir() && slices.Contains(built, name):
			return fs.SkipDir
		case !e.Type().IsRegular(), name == ".git": // a file in a worktree
			return nil
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // somebody's temporary file
		}
		if err == nil {
			f(name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// documents calls f with each Markdown file.
func documents(t *testing.T, f func(path, text string)) {
	t.Helper()
	files(t, func(path string, text []byte) {
		if strings.HasSuffix(path, ".md") {
			f(path, string(text))
		}
	})
}
