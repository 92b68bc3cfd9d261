package ecs

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

var errSize = errors.New("not a size")

// taskSize reads a task's cpu or memory: a whole number of CPU units or MiB, or
// a number of 1024 of them with a unit, "1 vCPU", ".5 vcpu", "2GB", "0.5 GB".
func taskSize(text, unit string) (int64, error) {
	text = strings.TrimSpace(text)
	number, has := strings.CutSuffix(strings.ToLower(text), unit)
	if !has {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n <= 0 {
			return 0, errSize
		}
		return n, nil
	}
	number = strings.TrimSpace(number)
	if !matches(`^[0-9]*\.?[0-9]+$`, number) {
		return 0, errSize
	}
	f, err := strconv.ParseFloat(number, 64)
	if n := f * 1024; err == nil && n > 0 && n <= math.MaxInt32 && n == math.Trunc(n) {
		return int64(n), nil
	}
	return 0, errSize
}

// validFargateSize says whether Fargate has tasks of that many CPU units and
// MiB (ECS API reference, RegisterTaskDefinition, cpu).
func validFargateSize(cpu, memory int64) bool {
	for _, size := range [...]struct{ cpu, least, most, step int64 }{
		{256, 512, 1024, 512},
		{256, 2048, 2048, 1},
		{512, 1024, 4096, 1024},
		{1024, 2048, 8192, 1024},
		{2048, 4096, 16384, 1024},
		{4096, 8192, 30720, 1024},
		{8192, 16384, 61440, 4096},
		{16384, 32768, 122880, 8192},
	} {
		if cpu == size.cpu && memory >= size.least && memory <= size.most && (memory-size.least)%size.step == 0 {
			return true
		}
	}
	return false
}

func noFargateSize(cpu, memory int64) error {
	return refuse("No Fargate configuration exists for given values: %d CPU, %d memory.", cpu, memory)
}
