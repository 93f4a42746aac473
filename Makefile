# make build | run | test | bench | lint; see README.md
GO ?= go
export PATH := $(PATH):$(shell $(GO) env GOPATH)/bin

.PHONY: build run test test-quick lint tools bench clean

build:
	./build.sh

run: build
	./scripts/run-example.sh

# Everything, on a fresh machine: what is missing is installed if that can be done.
test: tools lint
	$(MAKE) build
	$(GO) test -race -timeout 15m ./...
	$(GO) test -tags forkexec -timeout 5m ./reaper
	$(GO) test -run '^$$' -fuzz FuzzServer -fuzztime 60s -fuzzminimizetime 1x ./control
	$(GO) test -run '^$$' -fuzz FuzzQuery -fuzztime 30s -fuzzminimizetime 1x ./logs/query

tools:
	./scripts/install-tools.sh

lint:
	./scripts/lint.sh

bench: build
	$(GO) run ./bench -goinit bin/goinit

clean:
	rm -rf bin
