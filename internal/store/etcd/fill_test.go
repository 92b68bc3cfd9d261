package etcd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"seamark/internal/store"
	"seamark/internal/world"
)

// fill writes without a look at free space until updates fail, then reads, and
// prints what it was told is durable.
func fill(dir string) {
	s, err := Open(context.Background(), Options{Dir: dir, Logger: quiet(), MinFreeBytes: 1})
	if err != nil {
		fmt.Println("! open:", err)
		os.Exit(1)
	}
	fmt.Println("open")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the disk is full
	n := 0
	for ; ; n++ {
		key := fmt.Sprint(n)
		_, err = s.Update(context.Background(), func(tx *store.Tx) error {
			tx.Put(&world.LogGroup{Name: key})
			tx.Put(&world.Role{Name: key, Description: strings.Repeat("x", 100<<10)})
			return nil
		})
		if err != nil {
			break
		}
		fmt.Println("+", key)
	}
	fmt.Println("failed", errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNoSpace), err)
	start := time.Now()
	err = putGroup(s, "another")
	fmt.Println("again", err != nil && time.Since(start) < time.Second, err)
	fmt.Println("reads", s.View().LogGroups.Len() == n)
	start = time.Now()
	err = s.Close()
	fmt.Println("closed", time.Since(start) < 2*closeTimeout, err)
	os.Exit(0)
}
