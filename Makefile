# Two commands on a fresh machine: `make run` and `make test`. All the set-up is done by them.
# git, make and Python 3.11 or newer (with venv) are all it takes; uv is fetched into the checkout where there is none.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
CONFIG ?= configs/iris.yaml

export UV_COMPILE_BYTECODE := 1
export ZENML_ANALYTICS_OPT_IN ?= false
export DVC_NO_ANALYTICS := true

.PHONY: help run test lint format bench dashboard repro pull push requirements clean

help: ## list what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

run: .venv/runtime ## train, judge, promote: python run.py, with all the set-up
	@$(BIN)/python run.py train --config $(CONFIG)

test: .venv/dev ## run the tests
	$(BIN)/python -m pytest -n auto $(ARGS)

lint: .venv/dev ## ruff, types, import directions, pinned requirements
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev ## measure every speed claim beside its rival
	$(BIN)/python -m benchmarks $(ARGS)

dashboard: .venv/dashboard ## ZenML's dashboard over the local store, on 127.0.0.1:8237
	$(BIN)/python -m ops.dashboard $(ARGS)

repro: .venv/runtime ## the same run as a DVC pipeline
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro

pull: .venv/runtime ## fetch data and packages that the pointers name from the DVC remote
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc pull --allow-missing

push: .venv/runtime ## record data and packages in their pointers and push them to the DVC remote
	$(BIN)/python -m ops.pointer
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc push

requirements: $(UV) ## resolve pyproject.toml anew and write requirements/*.txt
	rm -f uv.lock
	$(UV) lock --quiet
	$(UV) export $(EXPORT) --no-dev --output-file requirements/runtime.txt
	$(UV) export $(EXPORT) --no-dev --group dashboard --output-file requirements/dashboard.txt
	$(UV) export $(EXPORT) --group dev --group dashboard --output-file requirements/dev.txt
	$(UV) export $(EXPORT) --only-group drive --output-file requirements/drive.txt
EXPORT := --quiet --no-emit-index-url --no-header --format requirements-txt

clean: ## remove environments, store, reports and caches (never models/ or data/)
	rm -rf .venv .venv-drive .uv .zenml .mypy_cache .ruff_cache .hypothesis .import_linter_cache reports/*/

.uv/bin/uv:
	@echo "Fetching uv $(UV_VERSION) into .uv (once) ..."
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --allow-existing --python '>=3.11,<3.14' .venv

# A larger set contains the smaller one, so installing it is enough for both.
.venv/runtime: requirements/runtime.txt | .venv/bin/python
	$(INSTALL)
	@touch $@

.venv/dashboard: requirements/dashboard.txt | .venv/bin/python
	$(INSTALL)
	@touch $@ .venv/runtime

.venv/dev: requirements/dev.txt | .venv/bin/python
	$(INSTALL)
	@touch $@ .venv/runtime .venv/dashboard

INSTALL = @echo "Installing $< into .venv (once) ..." && \
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
