# `make up` sets everything up and runs Examhall on this machine; `make test` sets everything up and runs every check and test.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := .venv/uv/bin/uv
ARGS ?=

.PHONY: help up status doctor rehearse test check faults bench deploy-check deploy-check-node images prometheus dev proto docs format lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

up: .venv/.runtime ## start Examhall on this machine (Ctrl-C stops it); ARGS="--port 9000" and the like are passed on
	@exec $(BIN)/examhall up $(ARGS)

status: .venv/.runtime ## what runs, where, and how it is
	@$(BIN)/examhall status $(ARGS)

doctor: .venv/.runtime ## what is wrong, in plain words, and what to do about it
	@$(BIN)/examhall doctor $(ARGS)

rehearse: .venv/.runtime ## a dress rehearsal against the running system; ARGS="--students 50"
	@exec $(BIN)/examhall rehearse $(ARGS)

test: check ## every check, then every test; ARGS="-k save" runs some of them
ifeq ($(ARGS),)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile proto chassis services gateway examhall
	$(BIN)/python -m pytest tests
else
	$(BIN)/python -m pytest $(ARGS)
endif

check: .venv/.dev ## style, types, import contract, contracts fresh and unbroken, migrations equal to the tables
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m proto.generate --check
	$(BIN)/python -m proto.breaking check
	$(BIN)/python -m examhall.checking
	$(BIN)/python -m examhall.openapi check
	$(BIN)/python -m examhall.event_catalogue check
	$(BIN)/python -m examhall.reference check
	$(BIN)/python -m deploy.kafka_topics check
	$(BIN)/python -m deploy.dashboards check

faults: .venv/.dev ## the whole fault suite: kills, partitions, servers away; also against Apache Kafka where it can be had
	$(BIN)/python -m pytest -m faults --timeout 900 $(ARGS)

bench: .venv/.dev ## benchmarks, as ratios; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks $(ARGS)

deploy-check: .venv/.dev ## install the chart into real control planes of Kubernetes (compiled once, by Go); ARGS="defaults --helm 4"
	@$(BIN)/python -m deploy.check $(ARGS)

deploy-check-node: .venv/.dev ## run the chart on one node of Kubernetes, made here; as root, with what it says it lacks, after `make images`
	@$(BIN)/python -m deploy.check node $(ARGS)

images: .venv/.dev ## build an image for each service; BASE=… names the base image
	deploy/images/build $(if $(BASE),--base $(BASE)) $(ARGS)

prometheus: $(BIN)/promtool ## get Prometheus and promtool, which tests of rules and dashboards need; Debian and Ubuntu, no root

dev: .venv/.dev ## develop in the cluster of kubectl
	deploy/dev $(ARGS)

$(BIN)/promtool: | .venv/.dev
	@echo "Getting Prometheus …"
	@tests/deploy/get_prometheus $(BIN)

proto: .venv/.dev ## generate the Python of the contracts
	$(BIN)/python -m proto.generate

docs: .venv/.dev ## write what is generated in docs/: the OpenAPI and AsyncAPI documents, the tables of routes, settings and events
	$(BIN)/python -m examhall.openapi write
	$(BIN)/python -m examhall.event_catalogue write
	$(BIN)/python -m examhall.reference write

format: .venv/.dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(UV) ## renew the lock files from pyproject.toml
	$(UV) pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --extra dev pyproject.toml -o locks/dev.lock
	$(UV) pip compile -q --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 --extra single-machine pyproject.toml -c locks/dev.lock -o locks/examhall.lock
	$(MAKE) .venv/.dev
	$(BIN)/python -m deploy.images.locks write

clean: ## remove the environment and caches; data in .examhall/ stays
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info build

$(UV): locks/uv.lock
	@test -n "$(PYTHON)" || { echo "Examhall needs Python 3.11: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Examhall needs Python 3.11 or newer; $(PYTHON) is older. Set PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Making the environment …"
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@$(PYTHON) -m venv .venv/uv
	@.venv/uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r locks/uv.lock
	@touch $@

.venv/.runtime: locks/examhall.lock pyproject.toml | $(UV)
	@echo "Installing what Examhall needs …"
	@$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r locks/examhall.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: locks/dev.lock .venv/.runtime | $(UV)
	@echo "Installing what tests and checks need …"
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r locks/dev.lock
	@touch $@
