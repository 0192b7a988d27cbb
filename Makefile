# Bellwether: what there is to make. Needed beforehand: Go, make and git.
#
#   make bench ARGS="--scenario read100 --duration 5s"     flags for `bellwether bench`
#   make fuzz TIME=5m                                      longer than usual

ARGS ?=
TIME ?= 30s

# A profile of the server under load lets the compiler lay out the hot paths.
PGO := $(or $(wildcard profiles/default.pgo),off)

# The race detector needs a C compiler; without one its pass is left out, and says so.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

TARGETS := help build test bench fmt vet fuzz clean

# Long runs of tests of which `make test` runs a slice; there is a target where there is such a test.
DURABILITY := $(wildcard durability_test.go */durability_test.go)
SIM        := $(wildcard engine/zab/sim_run_test.go) $(wildcard engine/sim/sim_test.go)
TARGETS    += $(if $(DURABILITY),durability) $(if $(SIM),sim)
ROUNDS     ?= 50
SEEDS      ?= 1000

.PHONY: $(TARGETS)

help: ## list the targets
	@awk -F ':.*## ' -v targets=' $(TARGETS) ' '/^[a-z]+:.*## / && index(targets, " " $$1 " ") {printf "  make %-11s %s\n", $$1, $$2}' Makefile

build: ## build the binary, ./bellwether
	go build -trimpath -pgo=$(PGO) -o bellwether .

test: vet ## vet, then every test with invariants checked, then again under the race detector
	go test -tags invariants -timeout 12m ./...
ifneq ($(RACE),)
	go test -tags invariants -timeout 12m -short $(RACE) ./...
else
	@echo "SKIPPED: the pass under the race detector, for there is no C compiler (go env CGO_ENABLED says 0)"
endif

bench: build ## run the benchmark suite and write RESULTS.md, within 3 minutes (ARGS=flags)
	./bellwether bench $(ARGS)

fmt: ## format the source
	gofmt -l -w .

vet: ## check the format, go vet, staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not formatted, make fmt does it:" $$unformatted; exit 1; fi
	go vet ./...
	go vet -tags invariants ./...
	go tool staticcheck ./...

fuzz: ## run every fuzz target for a while (TIME=30s each)
	@set -e; for package in $$(go list ./...); do \
		for target in $$(go test -tags invariants -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -tags invariants -run '^$$' -fuzz "^$$target\$$" -fuzztime $(TIME) -fuzzminimizetime 100x $$package; \
		done; \
	done

durability: ## kill -9 a server under write load, look for what it acknowledged, and again (ROUNDS=50)
	ROUNDS=$(ROUNDS) go test -count=1 -timeout 4h -v -run '^TestDurability' $(addprefix ./,$(dir $(DURABILITY)))

sim: ## simulate whole servers, and ten times as many ensembles of zab alone, with faults (SEEDS=1000)
	go test -count=1 -timeout 24h -v -run '^TestPromisesHold$$' ./engine/sim -sim.seeds $(SEEDS)
	go test -count=1 -timeout 24h -v -run '^TestRandomWorlds' ./engine/zab -seeds $(SEEDS)0

clean: ## remove what was built
	rm -f bellwether
