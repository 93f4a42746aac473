# make build | run | test | bench | lint; see README.md
GO ?= go
export PATH := $(PATH):$(shell $(GO) env GOPATH)/bin

.PHONY: build run test test-node test-kube test-compose fuzz lint tools bench clean

build:
	./build.sh

run: build
	./scripts/run-example.sh

# go test keeps two packages going, in this order: the longest first. The kubelet's has the machine for itself, at the end.
inOrder = ./integration $$($(GO) list ./... | grep -v '/integration/kube$$')

# Everything, on a fresh machine: what is missing is installed if that can be done.
test: tools lint
	$(MAKE) build
	nice -n 19 ./scripts/build-kubelet.sh >/dev/null 2>&1 & # once, minutes: the tests that want it wait for it
	$(GO) test -race -timeout 25m $(inOrder)
	$(GO) test -tags forkexec -short -timeout 10m ./reaper
	$(MAKE) fuzz
	$(GO) test -race -timeout 10m ./integration/kube

# Node's channel and cluster on every version, which come from npm: 300 MB, once.
test-node: build
	GOINIT_TEST_NODES=all $(GO) test -race -timeout 20m -run 'TestKinds|TestDrain|TestHanded|TestRunNode' ./cluster/nodeipc ./integration

# Pods on a kubelet, and a cluster: what make test has of it, roll-outs with kubectl, and a kubelet on cgroup v2 in a virtual
# machine. Kubernetes is built from its sources: 12 minutes of a processor, once.
test-kube: build
	./scripts/install-tools.sh etcd-server iptables openssl
	./scripts/build-kubelet.sh kubelet kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl
	GOINIT_TEST_CLUSTER=1 GOINIT_BEDS=kube,cluster $(GO) test -race -timeout 20m -v ./deploy ./integration/kube

# deploy/compose.yaml by Docker's compose, which is built from its sources: 3 minutes of a processor, once.
test-compose: build
	GOINIT_TEST_COMPOSE=$$(./scripts/build-compose.sh) GOINIT_BEDS=compose,docker $(GO) test -race -timeout 20m -v -run TestCompose ./integration

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
