# Cartwheel on one machine: `make up` starts the shop, `make test` and `make check` judge it.
# Everything lives in .venv/ and .cartwheel/; `make clean` removes both.

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Two workers on two cores; each starts stores and services of its own, so more only crowd.
WORKERS ?= 2

# Requests generated from the API documents, in a run of their own: their tests share names, and
# with `--dist loadgroup` pytest-xdist runs tests of one name once.
GENERATED := tests/contracts/test_openapi.py tests/app/request/test_documentation.py
ONLY = $(findstring tests/,$(ARGS))

.DEFAULT_GOAL := help
.PHONY: help up down status test check format lock clean python kind kind-down deploy verify load

help: ## what can be done here
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

up: $(VENV)/.runtime ## start the shop (flags: make up ARGS="--port-storefront 9000")
	@exec $(BIN)/cartwheel up $(ARGS)

down: $(VENV)/.runtime ## stop it from another terminal
	@exec $(BIN)/cartwheel down $(ARGS)

status: $(VENV)/.runtime ## what runs
	@exec $(BIN)/cartwheel status $(ARGS)

test: $(VENV)/.test ## every behaviour (one area: make test ARGS=tests/services/cart)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  echo "No chromium on PATH: browser journeys are skipped. Debian: apt-get install chromium"
	@command -v promtool >/dev/null || \
	  echo "No prometheus on PATH: dashboard queries are skipped. Debian: apt-get install prometheus"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(if $(ONLY),,$(GENERATED:%=--ignore=%)) $(ARGS)
	@$(if $(ONLY),,$(BIN)/python -m pytest -n $(WORKERS) $(GENERATED) $(ARGS))

check: $(VENV)/.test ## lint, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.test ## let ruff put everything in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# All from one resolution: what the services run on is what was tested.
LOCK := uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header
lock: ## pin requirements/*.txt anew after a change of pyproject.toml (needs uv)
	$(LOCK) --extra local --extra test -o requirements/test.txt
	$(LOCK) --extra local -c requirements/test.txt -o requirements/runtime.txt
	$(LOCK) -c requirements/test.txt -o requirements/services.txt

# Other ports: make kind CARTWHEEL_KIND_PORT_SHOP=8081 CARTWHEEL_KIND_PORT_GRAFANA=3001
kind: $(VENV)/.runtime ## a Kubernetes cluster on this machine, with what the shop needs in it
	@exec $(BIN)/python -m cartwheel.cluster up

kind-down: $(VENV)/.runtime ## delete that cluster
	@exec $(BIN)/python -m cartwheel.cluster down

deploy: $(VENV)/.runtime ## build the shop and run it there (other autoscaler: ARGS="-p requests")
	@exec $(BIN)/python -m cartwheel.cluster deploy $(ARGS)

verify: $(VENV)/.runtime ## buy something there, then watch the cart grow under load
	@exec $(BIN)/python -m cartwheel.cluster verify $(ARGS)

load: $(VENV)/.runtime ## put load on the shop (make load ARGS="--rate 100 --seconds 120")
	@target=$$($(BIN)/python -m cartwheel.cluster shop) && \
	  CARTWHEEL_LOAD_TARGET="$${CARTWHEEL_LOAD_TARGET:-$$target}" \
	  exec $(BIN)/python -m loadtest $(ARGS)

clean: ## forget the environment and the shop's data
	@if [ -x $(BIN)/cartwheel ]; then $(BIN)/cartwheel down >/dev/null 2>&1 || true; fi
	rm -rf $(VENV) .cartwheel build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment. A stamp is renewed when its lock file, or the Python under it, changes.
$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | python
	@PYTHON="$(PYTHON)" sh cartwheel/create_venv.sh $(VENV) runtime

$(VENV)/.test: requirements/test.txt pyproject.toml | python
	@PYTHON="$(PYTHON)" sh cartwheel/create_venv.sh $(VENV) test
	@touch $(VENV)/.runtime

# An environment whose Python went away (an upgrade, a moved folder) is no environment.
python:
	@if [ -e $(VENV) ] && ! $(BIN)/python -c '' 2>/dev/null; then \
	  echo "The Python under $(VENV) is gone: making it anew."; rm -rf $(VENV); fi
