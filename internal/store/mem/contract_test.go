package mem_test

import (
	"testing"

	"seamark/internal/store"
	"seamark/internal/store/mem"
	"seamark/internal/store/storetest"
)

type storage struct{ disk *mem.Disk }

func (s storage) Open(tb testing.TB) store.Store {
	m, err := mem.Open(mem.Options{Disk: s.disk})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func (storage) Fences() bool { return true }

func TestContract(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Storage { return storage{mem.NewDisk()} })
}
