# make build | run | test | bench | lint; see README.md
GO ?= go
export PATH := $(PATH):$(shell $(GO) env GOPATH)/bin

.PHONY: build run test test-node fuzz lint tools bench clean

build:
	./build.sh

run: build
	./scripts/run-example.sh

# go test keeps two packages going, in this order: the longest first, and last what waits for a build of minutes.
last = ./integration/kube
inOrder = ./integration $$($(GO) list ./... | grep -v '/integration/kube$$') $(wildcard $(last))

# Everything, on a fresh machine: what is missing is installed if that can be done.
test: tools lint
	$(MAKE) build
	$(GO) test -race -timeout 25m $(inOrder)
	$(GO) test -tags forkexec -short -timeout 10m ./reaper
	$(MAKE) fuzz

# Node's channel and cluster on every version, which come from npm: 300 MB, once.
test-node: build
	GOINIT_TEST_NODES=all $(GO) test -race -timeout 20m -run 'TestKinds|TestDrain|TestHanded|TestRunNode' ./cluster/nodeipc ./integration

# What strangers write and PID 1 or its client reads: six minutes of a processor, on two.
fuzz:
	GO=$(GO) ./scripts/fuzz.sh

tools:
	./scripts/install-tools.sh

lint:
	./scripts/lint.sh

bench: build
	$(GO) run ./bench -goinit bin/goinit

clean:
	rm -rf bin
