package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// importShipped imports the image archives that came with Seamark, those that
// changed since it did so last.
func importShipped(ctx context.Context, d *daemon) error {
	dir := d.o.imagesDir()
	if dir == "" || d.o.runtime == "simulated" {
		return nil
	}
	archives, err := filepath.Glob(filepath.Join(dir, "*.tar"))
	if err != nil {
		return err
	}
	record := d.dir.Path("imported.json")
	done, err := readImported(record)
	if err != nil {
		return err
	}
	for _, path := range archives {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		mark := fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format(time.RFC3339Nano))
		if done[path] == mark {
			continue
		}
		names, err := d.machine.runtime.ImportImage(ctx, path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		d.logger.Info("imported an image", "archive", path, "names", names)
		done[path] = mark
	}
	b, err := json.MarshalIndent(done, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(record, b, 0o600)
}

func readImported(path string) (map[string]string, error) {
	done := map[string]string{}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return done, nil
	}
	if err != nil {
		return nil, err
	}
	return done, json.Unmarshal(b, &done)
}
