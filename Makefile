# The entry points of this repository. A fresh Debian with Go, gcc, make and root is enough: `make guide`, `make test`.
# Everything built goes to bin/ and images/out/; a target that is up to date says so and does nothing.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# The version comes from the linker flag below; go's own look at the checkout fails where another user owns it.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

.DEFAULT_GOAL := build
.PHONY: build engine images deps guide test test-race check lint fix darwin gen bench-guide bench-discovery bench-rollout bench-dns fuzz-dns clean help

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

# Static, because Seamark is also process 1 and the logger of containers, where none of the host's libraries is.
build: ## bin/seamark
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/seamark ./cmd/seamark

engine: deps ## bin/engine: containerd, its shim and runc
	@engine/build bin/engine

images: deps ## images/out/*.tar: nginx, the test machine and the tests' box
	@images/build nginx instance testbox

deps: ## Debian packages and Go modules that building and testing need
	@scripts/deps
	@go mod download

guide: deps build engine ## the guide's seven steps, for real; KEEP=1 leaves them running
	@images/build instance
	@scripts/nginx-image
	bin/seamark guide $(if $(KEEP),--keep)

# SEAMARK_REQUIRE_ROOT=1 makes a test that needs root, the engine or an image fail instead of skip.
test: deps engine images build ## everything: vet, lint, other platforms, all tests
	go vet ./...
	@$(MAKE) --no-print-directory lint darwin
	go test -timeout 30m $(TESTFLAGS) ./...

test-race: deps engine images build ## all tests under the race detector
	go test -race -timeout 50m $(TESTFLAGS) ./...

check: lint ## lint and the short tests
	go test -short $(TESTFLAGS) ./...

lint: bin/golangci-lint ## the import law and a few linters
	bin/golangci-lint run --allow-parallel-runners ./...

fix: bin/golangci-lint ## lint, and let it correct what it can
	bin/golangci-lint run --allow-parallel-runners --fix ./...

bin/golangci-lint: tools/go.mod tools/go.sum
	@echo 'lint: building golangci-lint (80 CPU seconds when nothing is cached)'
	@mkdir -p bin
	@cd tools && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../bin/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

darwin: ## the simulated runtime builds elsewhere too
	GOOS=darwin CGO_ENABLED=0 go build ./...

gen: ## regenerate the APIs' shapes from models/
	go run ./internal/gen -root .

bench-guide: deps build engine ## the times of the guide, median of 20
	@images/build nginx instance
	bench/guide

bench-discovery: deps build engine ## registration and discovery: freshness, rates, size, crashes
	@images/build instance
	bench/discovery

bench-rollout: deps build engine ## requests that fail while a service is deployed and scaled in
	@images/build testbox
	bench/rollout

fuzz-dns: ## fuzz the resolver; FUZZTIME=600 seconds in all
	scripts/fuzz-dns

bench-dns: deps build engine ## DNS beside CoreDNS, Knot, NSD, BIND and Unbound; answers while the registry changes
	bench/dns

clean: ## remove what was built
	rm -rf bin images/out
