package etcd

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"seamark/internal/store"
	"seamark/internal/world"
)

// TestMain lets the test binary stand in for a Seamark that is killed or whose
// disk is full (see kill_test.go and fill_test.go).
func TestMain(m *testing.M) {
	switch os.Getenv("STORE_TEST_CHILD") {
	case "":
		os.Exit(m.Run())
	case "churn":
		churn(os.Getenv("STORE_TEST_DIR"))
	case "fill":
		fill(os.Getenv("STORE_TEST_DIR"))
	case "register":
		registerAndDie(os.Getenv("STORE_TEST_DIR"))
	case "load":
		loadAndTell(os.Getenv("STORE_TEST_DIR"))
	}
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// openDir opens a store on a directory.
func openDir(tb testing.TB, dir string) store.Store {
	tb.Helper()
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// opened is a store with what is below it.
func opened(t interface{ Fatal(args ...any) }, o Options) (store.Store, *backend) {
	o.Logger, o.MinFreeBytes = quiet(), 1
	if o.QuotaBytes == 0 {
		o.QuotaBytes = defaultQuota
	}
	c, err := embedded(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, w, err := takeOver(context.Background(), o, c)
	if err != nil {
		t.Fatal(err)
	}
	return store.NewCommitter(store.Options{Backend: b, World: w, Limits: c.limits, Logger: quiet()}), b
}

func putGroup(s store.Store, name string) error {
	_, err := s.Update(context.Background(), func(tx *store.Tx) error {
		tx.Put(&world.LogGroup{Name: name})
		return nil
	})
	return err
}
