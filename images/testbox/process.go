package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func exit(b box, args []string) int {
	code, err := strconv.Atoi(args[0])
	if err != nil {
		return badArgument(b, err)
	}
	return code
}

func sleep(b box, args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, os.Interrupt)
	var end <-chan time.Time
	if len(args) > 0 {
		d, err := time.ParseDuration(args[0])
		if err != nil {
			return badArgument(b, err)
		}
		end = time.After(d)
	}
	select {
	case <-end:
		return 0
	case <-term:
		return 128 + int(syscall.SIGTERM)
	}
}

func spam(b box, args []string) int {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return badArgument(b, err)
	}
	for i := 1; i <= n; i++ {
		w := b.stdout
		if i%2 == 0 {
			w = b.stderr
		}
		if _, err := fmt.Fprintf(w, "line %d of %d\n", i, n); err != nil {
			return fail(b, err)
		}
	}
	return 0
}

func trap(b box, args []string) int {
	ignore := len(args) > 0 && args[0] == "ignore"
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	fmt.Fprintln(b.stdout, "trap: ready")
	for range term {
		if !ignore {
			fmt.Fprintln(b.stdout, "trap: SIGTERM, ending")
			return 0
		}
		fmt.Fprintln(b.stdout, "trap: SIGTERM ignored")
	}
	return 0
}

func mem(b box, args []string) int {
	mb, err := strconv.Atoi(args[0])
	if err != nil {
		return badArgument(b, err)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM, os.Interrupt)
	held := make([][]byte, 0, max(mb, 0))
	for range mb {
		held = append(held, touched(1<<20))
	}
	fmt.Fprintf(b.stdout, "mem: holding %d MB\n", len(held))
	<-term
	fmt.Fprintf(b.stdout, "mem: releasing %d MB\n", len(held))
	return 0
}

// touched allocates memory and writes to each page, because the kernel only counts pages that were written.
func touched(size int) []byte {
	p := make([]byte, size)
	for i := 0; i < size; i += os.Getpagesize() {
		p[i] = 1
	}
	return p
}
