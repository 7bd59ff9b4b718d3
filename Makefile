# Short for the commands of everyday work. They need Go, a C compiler (for the
# race detector) and git; make test also PostgreSQL's server programs, which it
# starts by itself, and Node 20 or newer with npm. The linter, MinIO, versitygw
# and FerretDB are built from the versions that the modules in internal/tools pin.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

MODULES := . internal/tools bench examples/chi internal/contract
# tests that run the others again over other backends
OTHERS := ^TestOther(Pairs|Stores)$$
FUZZTIME ?= 4s

.PHONY: help run build quick test race others full verify lint fuzz bench srctree js fmt

help: ## show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start a server over ./holdall-data with a token to try it
	go run ./cmd/holdall serve --dev

build: ## build bin/holdall and say how big it is
	go build -trimpath -ldflags='-s -w' -o bin/holdall ./cmd/holdall
	@printf 'bin/holdall: %d KiB\n' $$(($$(wc -c <bin/holdall) / 1024))

quick: ## the tests that need seconds
	go test ./...

test: verify lint race others fuzz js ## everything

race: ## the tests under the race detector, with servers, in every module
	export HOLDALL_TEST_SERVERS=1; \
	for m in $(MODULES); do (cd $$m && go test -race -short -skip '$(OTHERS)' -timeout 30m ./...); done

others: ## the tests again over other backends, for which that is too slow
	export HOLDALL_TEST_SERVERS=1; \
	go test -short -timeout 30m -run '$(OTHERS)' ./backends/minio; \
	cd internal/contract && go test -short -timeout 30m -run '$(OTHERS)' .

full: ## all tests of the root module with all their rounds
	HOLDALL_TEST_SERVERS=1 go test -timeout 60m ./...

verify: build ## formatting, vet, modules, other systems, size
	@out=$$(gofmt -l .); if [[ -n $$out ]]; then echo "gofmt: $$out"; exit 1; fi
	for m in $(MODULES); do (cd $$m && go vet ./... && go mod verify && go mod tidy -diff); done
	cd internal/tools/s3 && go mod verify # pins programs; has no packages
	cd internal/tools/mongo && go vet . && go mod verify && go mod tidy -diff
	for p in linux/386 darwin/arm64 windows/amd64; do \
		echo "vet for $$p"; CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./...; done

lint: ## run the linters of .golangci.yml
	cd internal/tools/lint && go mod verify && go build -o ../../../bin/golangci-lint tool
	for m in $(MODULES); do (cd $$m && $(CURDIR)/bin/golangci-lint run --allow-serial-runners --config $(CURDIR)/.golangci.yml ./...); done

fuzz: ## run every fuzz target for FUZZTIME (4s)
	internal/tools/fuzz.sh $(FUZZTIME)

bench: ## measure against the raw way and compare with what is required
	cd bench && go run . $(BENCHFLAGS)

js: ## check and test the JavaScript SDK, and the console in a browser
	cd sdk/js && npm ci && npm run check && HOLDALL_TEST_SERVERS=1 npm test
	cd console/ui && npm ci && npm run check && npm test

srctree: ## store Go's own source tree, and kill the server in the middle of it
	cd internal/tools && go run ./srctree $(SRCTREEFLAGS)

fmt: ## format the code
	gofmt -w .
