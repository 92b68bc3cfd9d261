package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"seamark/internal/gen/model"
)

const root = "../.."

// TestGenerate_committedFilesAreFresh regenerates into memory and compares.
func TestGenerate_committedFilesAreFresh(t *testing.T) {
	files, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Errorf("%v; run: go run ./internal/gen", err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is stale; run: go run ./internal/gen", path)
		}
	}
	committed, err := filepath.Glob(filepath.Join(root, "internal", "api", "*", "zz_*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range committed {
		rel, err := filepath.Rel(root, p)
		if err != nil {
			t.Fatal(err)
		}
		if files[rel] == nil {
			t.Errorf("%s is not generated any more; delete it", rel)
		}
	}
}

// TestModels_canonicalForm proves that the committed models are what Marshal
// writes, so that an import changes only what changed.
func TestModels_canonicalForm(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "models", "*.json"))
	if err != nil || len(paths) != 14 {
		t.Fatalf("%d models, %v; want 14", len(paths), err)
	}
	for _, p := range paths {
		m, err := model.Load(p)
		if err != nil {
			t.Error(err)
			continue
		}
		want, err := m.Marshal()
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
		got, err := os.ReadFile(p)
		if err != nil {
			t.Error(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not in canonical form; run modelimport", p)
		}
	}
}
