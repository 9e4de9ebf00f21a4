# `make` lists what there is. GNU make; everything else that is needed is fetched or named by `make deps`.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL       := go tool -modfile=.tools/go.mod
TEST_FLAGS ?=
FUZZ_TIME  ?= 10s

# The program needs no C compiler, and is tested as it ships; the race detector needs one: make test RACE=1
export CGO_ENABLED := $(if $(RACE),1,0)
# Under the race detector every process sleeps a second before it ends, in case other goroutines still run into each other. The
# tests start hundreds of processes, which have ended their goroutines by then.
export GORACE := atexit_sleep_ms=0

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: export KIPAY_SANDBOX ?= true
run: build ## fetch what is missing, build, and serve with simulated providers (KIPAY_* variables apply; Ctrl-C stops)
	@exec bin/kipay serve

.PHONY: demo-month
demo-month: build ## a month of invented business with all faults: reconciled, closed, audited (FLAGS="--payments 100000")
	@bin/kipay demo month $(FLAGS)

.PHONY: build
build: deps ## build bin/kipay
	@go build -ldflags '-X main.version=$(VERSION)' -o bin/kipay ./cmd/kipay

.PHONY: deps
deps: ## fetch what is missing: Go modules and chDB's library
	@.tools/need-go.sh
	@go mod download || { echo "make: Go modules could not be fetched: check the network, or the GOPROXY setting" >&2; exit 1; }
	@deploy/fetch-chdb.sh

# What has no goroutines is not tried for races, nor are tests that compute for long in one: SINGLE_TESTS, all in
# SINGLE_PACKAGES. The detector makes them ten times as slow, and finds nothing.
SINGLE_PACKAGES := ./eventstore/embedded ./eventstore/transparency ./readapi/pages/verifier
SINGLE_TESTS := ^(TestAnyAlteredByteIsRefused|TestCutLogIsRefused|TestDamageInTablesIsFound|TestFilterNeverMissesAStreamAndSeldomErrsTheOtherWay|TestTornTailLosesNothingAcknowledged)$$
# The tests of cmd/kipay drive whole servers and wait a lot, so four at a time. They run as the program ships; those for which
# it is not settled or all one where the log is (LOCAL_TESTS) run over an event store server before, and under the race
# detector with RACE=1.
LOCAL_TESTS := TestScripts|Nodes|Fsck|Restore|Backup|KeysRec|Moves|Laptop|WithAServer|Checkout|Sandbox|Import|Rooms|TopLevel|Files|LeftForLater|SkipNorSleep|NoState|Line|Links|OpenAPI

.PHONY: test
test: deps ## run all tests; RACE=1 under the race detector (they need Chromium, Redis and ClickHouse, which root gets by apt-get)
	@.tools/need-program.sh chromium
	@.tools/need-program.sh redis-server
	@.tools/need-program.sh clickhouse-server
	CGO_ENABLED=0 go test -timeout 20m $(TEST_FLAGS) ./domain/... ./commands/statement/...
	CGO_ENABLED=0 go test -timeout 20m $(TEST_FLAGS) -run '$(SINGLE_TESTS)' $(SINGLE_PACKAGES)
	go test -timeout 20m $(if $(RACE),-race) $(TEST_FLAGS) -skip '$(SINGLE_TESTS)' $$(go list ./... | grep -v -e '/cmd/kipay$$' -e '/kipay/domain' -e '/commands/statement')
	KIPAY_TEST_EVENTSTORE=server go test -timeout 20m -parallel 4 $(if $(RACE),-race) $(TEST_FLAGS) -skip '$(LOCAL_TESTS)' ./cmd/kipay
	CGO_ENABLED=0 go test -timeout 20m -parallel 4 $(TEST_FLAGS) ./cmd/kipay

.PHONY: lint
lint: deps ## run the linters; they check the format too
	$(TOOL) golangci-lint run

.PHONY: fmt
fmt: ## format the code
	$(TOOL) gofumpt -w .

.PHONY: vuln
vuln: deps ## look for known vulnerabilities in what is used (asks the Go vulnerability database)
	$(TOOL) govulncheck ./...

.PHONY: generate
generate: deps ## write the documents that are generated from the code
	@go run ./cmd/kipay docs --dir docs
	@go run ./eventstore/cataloguedoc

.PHONY: fuzz
fuzz: deps ## fuzz every parser of outside input, FUZZ_TIME each (10s)
	@.tools/fuzz.sh $(FUZZ_TIME)

.PHONY: bench
bench: build ## measure, and print one table (docs/performance.md explains it)
	@go run ./cmd/bench

.PHONY: soak
soak: deps ## the long runs: 1,000 crashes, 10 minutes of fuzzing for each parser (hours)
	KIPAY_CRASH_ROUNDS=1000 go test -count 1 -timeout 0 -v -run 'TestCrash' ./eventstore/embedded
	@FUZZ_ALL=1 .tools/fuzz.sh 10m

.PHONY: clean
clean: ## remove what was built (the data folder stays)
	rm -rf bin coverage.out
	go clean -testcache
