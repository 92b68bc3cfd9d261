// Command archive packs one container image into an OCI archive that containerd imports under the image's full name.
//
// The image has at most two layers: a root file system from a distribution (-rootfs, an uncompressed tar as mmdebstrap
// writes it) and files of our own on top (-files, a directory). The same inputs give the same bytes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// recipe says what goes into an image.
type recipe struct {
	name   string    // full name with registry and tag, as containerd keeps it
	config v1.Config // the part of the image's configuration that a container starts with
	rootfs string    // path of an uncompressed tar, or empty
	files  string    // directory whose content becomes the top layer, or empty
	arch   string    // architecture in Go's notation
	epoch  time.Time // creation time, and modification time of our own files
	out    string    // path of the archive
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

// run parses the arguments and writes the archive they describe.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	r, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	img, err := r.image()
	if err != nil {
		return fmt.Errorf("build %s: %w", r.name, err)
	}
	if err := writeArchive(ctx, img, r.name, r.epoch, r.out); err != nil {
		return fmt.Errorf("write %s: %w", r.out, err)
	}
	return nil
}

// parse turns command-line arguments into a recipe.
func parse(args []string, stderr io.Writer) (recipe, error) {
	var (
		r          recipe
		configPath string
		epoch      int64
	)
	fs := flag.NewFlagSet("archive", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.StringVar(&r.name, "name", "", "full image `name`, such as docker.io/library/nginx:latest")
	fs.StringVar(&configPath, "config", "", "JSON `file` with the config object of the OCI image configuration")
	fs.StringVar(&r.rootfs, "rootfs", "", "uncompressed `tar` of the root file system")
	fs.StringVar(&r.files, "files", "", "`directory` whose content becomes the top layer")
	fs.StringVar(&r.arch, "arch", runtime.GOARCH, "`architecture` of the image")
	fs.Int64Var(&epoch, "epoch", 0, "creation time in `seconds` since 1970 (SOURCE_DATE_EPOCH)")
	fs.StringVar(&r.out, "o", "", "archive `file` to write")
	if err := fs.Parse(args); err != nil {
		return recipe{}, err
	}
	if r.name == "" || configPath == "" || r.out == "" || fs.NArg() > 0 {
		return recipe{}, errors.New("-name, -config and -o are needed, and no other arguments")
	}
	if r.rootfs == "" && r.files == "" {
		return recipe{}, errors.New("an image needs -rootfs, -files or both")
	}
	r.epoch = time.Unix(epoch, 0).UTC()
	var err error
	r.config, err = readConfig(configPath)
	return r, err
}

// readConfig reads the image configuration and refuses members it does not know, which are usually misspelt.
func readConfig(path string) (v1.Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return v1.Config{}, err
	}
	defer f.Close()
	dec := json.NewDecoder(f)
	dec.DisallowUnknownFields()
	var c v1.Config
	if err := dec.Decode(&c); err != nil {
		return v1.Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
