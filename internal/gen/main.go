// Command gen writes the Go side of the service models: for each
// models/<service>.json a package internal/api/<service> with the shapes, the
// table of operations, the modelled exceptions and the constraints.
//
//	go run ./internal/gen          regenerate everything
//
// A test in this directory regenerates into memory and compares, so a model or
// generator that changed without its output fails.
package main

//go:generate go run seamark/internal/gen -root ../..

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seamark/internal/gen/model"
)

func main() {
	root := flag.String("root", ".", "the module's root directory")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for path, src := range files {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return fmt.Errorf("make package: %w", err)
		}
		if err := os.WriteFile(full, src, 0o644); err != nil {
			return fmt.Errorf("write generated file: %w", err)
		}
	}
	return nil
}

// generate returns the content of every generated file by its path below root.
func generate(root string) (map[string][]byte, error) {
	paths, err := filepath.Glob(filepath.Join(root, "models", "*.json"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no models under %s", root)
	}
	out := map[string][]byte{}
	for _, p := range paths {
		m, err := model.Load(p)
		if err != nil {
			return nil, err
		}
		pkg := packageName(filepath.Base(p))
		g := newGenerator(pkg, m)
		files, err := g.files()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pkg, err)
		}
		for name, src := range files {
			out[filepath.Join("internal", "api", pkg, name)] = src
		}
	}
	return out, nil
}

// packageName turns "application-autoscaling.json" into "applicationautoscaling".
func packageName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".json"), "-", "")
}
