# Cartwheel on one machine: `make up` starts the shop, `make test` and `make check` test it.
# All files are in .venv/ and .cartwheel/; `make clean` removes both.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Modules stay compiled, also where the shell forbids it: tests start Python hundreds of times.
export PYTHONDONTWRITEBYTECODE :=

# For two cores: tests wait about as long as they compute, so two workers would leave a core idle.
# Each worker starts stores and services of its own.
WORKERS ?= 3

# Tests with requests generated from the OpenAPI documents run separately: they share names, and
# with `--dist loadgroup` pytest-xdist runs tests of one name only once.
GENERATED := tests/contracts/test_openapi.py tests/contracts/test_compiled_routes.py \
  tests/app/request/test_documentation.py
ONLY = $(findstring tests/,$(ARGS))
PYTEST := $(BIN)/python -m pytest -n $(WORKERS)
# pytest's exit status when it selected no test: with `-k`, all may be among the others.
OR_NONE := || test $$? -eq 5
# Every test of the matrix, wherever it is.
FAULTS := $(PYTEST) -m fault -p tests.faults.results --ignore=tests/faults/cluster

.DEFAULT_GOAL := help
.PHONY: help up down status test test-faults test-faults-cluster check format lock clean python kind kind-down deploy verify load

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

up: $(VENV)/.runtime ## start the shop (flags: make up ARGS="--port-storefront 9000")
	@exec $(BIN)/cartwheel up $(ARGS)

down: $(VENV)/.runtime ## stop it from another terminal
	@exec $(BIN)/cartwheel down $(ARGS)

status: $(VENV)/.runtime ## show what runs
	@exec $(BIN)/cartwheel status $(ARGS)

test: $(VENV)/.test ## run all tests (one area: make test ARGS=tests/services/cart)
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null || \
	  command -v chromium-browser >/dev/null || echo "No chromium on PATH: tests in a browser are" \
	  "skipped. Debian: apt-get install chromium-headless-shell"
	@command -v promtool >/dev/null || \
	  echo "No prometheus on PATH: dashboard queries are skipped. Debian: apt-get install prometheus"
	@$(PYTEST) --dist loadgroup $(if $(ONLY),,$(GENERATED:%=--ignore=%) --ignore=tests/faults) $(ARGS)
	@$(if $(ONLY),,$(PYTEST) $(GENERATED) $(ARGS) $(OR_NONE))

# The page is written whatever the tests showed. Ten times as many generated cases:
# make test-faults ARGS="--hypothesis-profile nightly"
test-faults: $(VENV)/.test ## run the tests of the fault matrix and write docs/faults.md
	@failed=; $(FAULTS) --dist loadgroup $(if $(ONLY),,$(GENERATED:%=--ignore=%)) $(ARGS) || failed=1; \
	  $(if $(ONLY),,$(FAULTS) $(GENERATED) $(ARGS) $(OR_NONE) || failed=1;) \
	  $(BIN)/python -m tests.faults.table; test -z "$$failed"

test-faults-cluster: $(VENV)/.test ## run those that need the cluster of make kind, with the shop deployed
	@$(BIN)/python -m pytest -p tests.faults.results tests/faults/cluster $(ARGS)
	@$(BIN)/python -m tests.faults.table

check: $(VENV)/.test ## check style, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.test ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# All from one resolution: what the services run on is what was tested.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
SERVICES := python3 -c 'import tomllib; \
  print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["services"], sep="\n")'
# pycparser is for building the modules of cffi, and h11 is the parser that uvicorn has beside
# httptools: no import of ours reaches them.
lock: ## pin requirements/*.txt after a change of pyproject.toml (needs uv)
	$(LOCK) pyproject.toml --extra shop --extra test -o requirements/test.txt
	$(LOCK) pyproject.toml --extra shop -c requirements/test.txt -o requirements/runtime.txt
	$(SERVICES) | $(LOCK) - -c requirements/test.txt --no-emit-package pycparser \
	  --no-emit-package h11 -o requirements/services.txt

# Other ports: make kind CARTWHEEL_KIND_PORT_SHOP=8081 CARTWHEEL_KIND_PORT_GRAFANA=3001
kind: $(VENV)/.runtime ## create a Kubernetes cluster on this machine, with its add-ons
	@exec $(BIN)/python -m cartwheel.cluster up

kind-down: $(VENV)/.runtime ## delete that cluster
	@exec $(BIN)/python -m cartwheel.cluster down

deploy: $(VENV)/.runtime ## build and deploy the shop to it (other autoscaler: ARGS="-p requests")
	@exec $(BIN)/python -m cartwheel.cluster deploy $(ARGS)

verify: $(VENV)/.runtime ## place an order there, then make the cart scale up under load
	@exec $(BIN)/python -m cartwheel.cluster verify $(ARGS)

load: $(VENV)/.runtime ## put load on the shop: of a cluster, else of this machine (make load ARGS="--stages 10s:20,1m:20..300")
	@target=$$($(BIN)/python -m cartwheel.cluster shop) && \
	  CARTWHEEL_LOAD_TARGET="$${CARTWHEEL_LOAD_TARGET:-$$target}" \
	  exec $(BIN)/cartwheel load $(ARGS)

clean: ## delete the environment and the shop's data
	@if [ -x $(BIN)/cartwheel ]; then $(BIN)/cartwheel down >/dev/null 2>&1 || true; fi
	rm -rf $(VENV) .cartwheel build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The virtual environment. A stamp is renewed when its lock file or its Python changes.
$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | python
	@PYTHON="$(PYTHON)" sh cartwheel/create_venv.sh $(VENV) runtime

$(VENV)/.test: requirements/test.txt pyproject.toml | python
	@PYTHON="$(PYTHON)" sh cartwheel/create_venv.sh $(VENV) test
	@touch $(VENV)/.runtime

# An environment whose Python is gone (an upgrade, a moved folder) is created again.
python:
	@if [ -e $(VENV) ] && ! $(BIN)/python -c '' 2>/dev/null; then \
	  echo "The Python of $(VENV) is gone: creating it again."; rm -rf $(VENV); fi
