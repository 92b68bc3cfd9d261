// Package datadir owns Seamark's data directory: one process at a time, a
// format that is written down, an identity.
//
//	LOCK      locked (flock) while a Seamark runs; holds its process id
//	VERSION   format of the directory, instance id, version that made it
//
// Everything else belongs to the packages that ask for a Path.
package datadir

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// Errors of Open. Test with errors.Is; the messages say more.
var (
	// ErrLocked: another process uses the directory.
	ErrLocked = errors.New("data directory is in use")
	// ErrNewer: a newer Seamark wrote the directory.
	ErrNewer = errors.New("data directory is of a newer format")
	// ErrUnwritable: the directory cannot be written.
	ErrUnwritable = errors.New("data directory is not writable")
	// ErrForeign: the directory holds things, but is none of Seamark's.
	ErrForeign = errors.New("not a data directory")
)

const (
	lockName    = "LOCK"
	versionName = "VERSION"
)

// version is the content of the VERSION file.
type version struct {
	Format    int       `json:"format"`
	Instance  string    `json:"instance"`
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
}

// Dir is a data directory that this process has locked.
type Dir struct {
	path    string
	lock    *os.File
	version version
}

// Open makes the directory if it is missing, locks it and brings it to the
// current format.
func Open(path string) (*Dir, error) { return open(path, upgrades) }

func open(path string, steps []upgrade) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	// A file that is there may be writable in a directory that is not.
	if err := tryWrite(path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	lock, err := lockFile(filepath.Join(path, lockName))
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, lock: lock}
	if err := d.prepare(steps); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// prepare makes or upgrades the content. The lock is held.
func (d *Dir) prepare(steps []upgrade) error {
	if err := os.Chmod(d.path, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	current := len(steps) + 1
	text, err := os.ReadFile(d.Path(versionName))
	if errors.Is(err, fs.ErrNotExist) {
		return d.create(current)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := json.Unmarshal(text, &d.version); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrForeign, d.Path(versionName), err)
	}
	if d.version.Format < 1 || d.version.Instance == "" {
		return fmt.Errorf("%w: %s names no format or instance", ErrForeign, d.Path(versionName))
	}
	if d.version.Format > current {
		return fmt.Errorf("%w: %s has format %d (made by %s), this Seamark (%s) knows up to format %d; use the newer Seamark",
			ErrNewer, d.path, d.version.Format, d.version.CreatedBy, program(), current)
	}
	return d.upgrade(steps)
}

// create makes the VERSION file of a new directory. Directories that hold other
// things are refused: somebody's home must not become a data directory.
func (d *Dir) create(current int) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, e := range entries {
		// A file system of its own has lost+found.
		if name := e.Name(); name != lockName && name != "lost+found" && !strings.HasPrefix(name, temporary) {
			return fmt.Errorf("%w: %s has no %s file but holds %q; use an empty directory", ErrForeign, d.path, versionName, name)
		}
	}
	d.version = version{
		Format: current,
		// Six characters of base 32 in lower case fit into the names of
		// interfaces, namespaces and cgroups.
		Instance:  strings.ToLower(rand.Text()[:6]),
		CreatedBy: program(),
		CreatedAt: time.Now().UTC().Truncate(time.Second),
	}
	return d.writeVersion()
}

func (d *Dir) writeVersion() error {
	text, err := json.MarshalIndent(d.version, "", "\t")
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := replace(d.Path(versionName), append(text, '\n')); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

// InstanceID is what tells this Seamark's kernel objects from those of others
// on the machine: six characters of a-z and 2-7, made once.
func (d *Dir) InstanceID() string { return d.version.Instance }

// Format is the format of the directory.
func (d *Dir) Format() int { return d.version.Format }

// Path joins names to the directory's absolute path.
func (d *Dir) Path(names ...string) string {
	return filepath.Join(append([]string{d.path}, names...)...)
}

// Close unlocks the directory.
func (d *Dir) Close() error { return d.lock.Close() }

// program is this program and its version.
func program() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "seamark " + info.Main.Version
	}
	return "seamark (unknown version)"
}
