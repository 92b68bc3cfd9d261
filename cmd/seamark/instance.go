package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"seamark/internal/admin"
)

const (
	defaultDataDir = "/var/lib/seamark"
	dataDirEnv     = "SEAMARK_DATA_DIR"
)

// dataDirFlag adds --data-dir, by which every command finds its instance.
func dataDirFlag(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "data-dir", cmp.Or(os.Getenv(dataDirEnv), defaultDataDir), "directory of the instance's state ("+dataDirEnv+")")
}

// clientFile tells the other commands, and users' shells, how to reach a
// running instance.
type clientFile struct {
	Endpoint  string `json:"endpoint"`
	Region    string `json:"region"`
	Account   string `json:"account"`
	AccessKey string `json:"accessKeyId"`
	Secret    string `json:"secretAccessKey"`
	RunDir    string `json:"runDir"`
	DataDir   string `json:"dataDir"`
	PID       int    `json:"pid"`
}

const clientName = "client.json"

// clientPaths are where the file may be: in the data directory, which only its
// owner can read, and among the settings of the user who called sudo.
func clientPaths(dataDir string) []string {
	paths := []string{filepath.Join(dataDir, clientName)}
	if home := callerHome(); home != "" {
		name := strings.Trim(strings.ReplaceAll(dataDir, "/", "-"), "-") + ".json"
		paths = append(paths, filepath.Join(home, ".config", "seamark", name))
	}
	return paths
}

// callerHome is the home directory of the user behind sudo, or of this user.
func callerHome() string {
	if uid := os.Getenv("SUDO_UID"); uid != "" && os.Geteuid() == 0 {
		if u, err := user.LookupId(uid); err == nil {
			return u.HomeDir
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return home
}

// write puts the file where clientPaths finds it.
func (f clientFile) write() error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	for i, path := range clientPaths(f.DataDir) {
		if i > 0 && os.Getenv("SUDO_UID") == "" {
			break // this user can read the first
		}
		if err := writePrivate(path, b); err != nil {
			return err
		}
	}
	return nil
}

// writePrivate replaces a file that only its owner, the calling user, can read.
func writePrivate(path string, b []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp := path + ".new"
	if err := os.WriteFile(tmp, b, 0o600); err != nil {
		return err
	}
	uid, errU := strconv.Atoi(os.Getenv("SUDO_UID"))
	gid, errG := strconv.Atoi(os.Getenv("SUDO_GID"))
	if errU == nil && errG == nil && filepath.Base(path) != clientName {
		if err := errors.Join(os.Lchown(tmp, uid, gid), os.Lchown(dir, uid, gid)); err != nil {
			return err
		}
	}
	return os.Rename(tmp, path)
}

// removeClient removes what write wrote.
func removeClient(dataDir string) error {
	var errs []error
	for _, path := range clientPaths(dataDir) {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// errNotRunning: no Seamark serves the data directory.
var errNotRunning = errors.New("not running")

// findInstance returns the running instance of a data directory.
func findInstance(dataDir string) (clientFile, error) {
	dataDir, err := filepath.Abs(dataDir)
	if err != nil {
		return clientFile{}, err
	}
	for _, path := range clientPaths(dataDir) {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var f clientFile
		if err := json.Unmarshal(b, &f); err != nil {
			return clientFile{}, fmt.Errorf("%s: %w", path, err)
		}
		if !f.answers() {
			return f, fmt.Errorf("no Seamark answers at %s (data directory %s): %w", f.Endpoint, dataDir, errNotRunning)
		}
		return f, nil
	}
	return clientFile{}, fmt.Errorf("no Seamark runs with data directory %s (start one: seamark up): %w", dataDir, errNotRunning)
}

func (f clientFile) answers() bool {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(f.Endpoint, "http://"), time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// admin is the side door of the instance.
func (f clientFile) admin() *admin.Client { return admin.NewClient(adminSocket(f.RunDir)) }

func adminSocket(runDir string) string { return filepath.Join(runDir, "admin.sock") }
