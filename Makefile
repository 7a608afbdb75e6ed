# Two commands on a fresh machine: `make run` and `make test`. All the set-up is done by them.
# git, make and Python 3.11 or newer (with venv) are all it takes; uv is fetched into the checkout where there is none.

SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
BIN := .venv/bin
CONFIG ?= configs/iris.yaml
PYTHON_VERSION ?= >=3.11,<3.14

export UV_COMPILE_BYTECODE := 1
export ZENML_ANALYTICS_OPT_IN ?= false
export DVC_NO_ANALYTICS := true

.PHONY: help run lightgbm xgboost catboost test test-containers test-cluster test-all test-long cluster rehearse lint format bench bench-serving image dashboard serve demo kubernetes repro pull push login requirements clean \
  ci-champion ci-train ci-promote ci-rollback ci-comment ci-post ci-pointer ci-image ci-fork-comment ci-drift ci-drift-issue ci-drift-retrain ci-check

help: ## list what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-24s %s\n", $$1, $$2}'

run: .venv/runtime ## train, judge, promote: python run.py, with all the set-up
	@$(BIN)/python run.py train --config $(CONFIG)

test: .venv/dev .venv-drive/ready ## run the tests that need no Docker engine; COVERAGE=1 says what they reach
	$(PYTEST) --ignore tests/containers --ignore tests/cluster $(if $(COVERAGE),--cov --cov-report=term:skip-covered) $(ARGS)
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

test-containers: .venv/dev .venv-drive/ready ## run the tests that need a Docker engine: stack, images, rehearsal of the workflows
	$(PYTEST) tests/containers $(ARGS)

test-cluster: .venv/dev ## run the tests that need a Kubernetes cluster (docs/scale.md); ARGS=--long runs their long forms
	$(BIN)/python -m pytest tests/cluster $(ARGS)

test-all: test test-containers ## run all but those of a cluster

test-long: .venv/dev ## run the long forms of simulations and of random tests; with KUBERNETES_CONTEXT those of a cluster too
	$(PYTEST) -m long --ignore tests/cluster $(ARGS)
	$(if $(KUBERNETES_CONTEXT),$(MAKE) test-cluster ARGS=--long)

cluster: .venv/dev ## a Kubernetes cluster on this machine, by kind, for `make test-cluster`; ARGS=down removes it
	@$(BIN)/python -m devtools.kind $(ARGS)

lint: .venv/dev ## ruff, types, import directions, workflows and their safety, manifests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet --no-progress .github
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet $(MANIFESTS)
MANIFESTS := $(filter-out %/kustomization.yaml %.patch.yaml,$(wildcard deploy/kubernetes/*/*.yaml deploy/kubernetes/*/*/*.yaml))

format: .venv/dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev ## measure every speed claim beside its rival
	$(BIN)/python -m devtools.benchmarks $(ARGS)

bench-serving: .venv/dev $(UV) ## one request beside MLflow, BentoML, plain FastAPI and the floor, each in an environment of its own
	UV=$(UV) $(BIN)/python -m devtools.benchmarks.serving $(ARGS)

image: .venv/runtime ## the Docker image of the pipeline; ARGS="--target serving" for the service, "--target champion" with a package inside
	@$(BIN)/python run.py image $(ARGS)

dashboard: .venv/dashboard ## ZenML's dashboard over the local store, on 127.0.0.1:8237
	$(BIN)/python run.py dashboard $(ARGS)

serve: .venv/serving ## the champion over REST, on 127.0.0.1:8000: python run.py serve
	@$(BIN)/python run.py serve --config $(CONFIG) $(ARGS)

demo: .venv/serving ## the whole loop on this machine: train, serve, drift, train again, swap, roll back; nothing of yours is touched
	@$(BIN)/python -m devtools.demo $(ARGS)

kubernetes: .venv/kubernetes ## install what the kubernetes stack needs (docs/scale.md)

lightgbm: .venv/lightgbm ## install LightGBM, for candidates of it (docs/models.md)

xgboost: .venv/xgboost ## install XGBoost, for candidates of it

catboost: .venv/catboost ## install CatBoost, for candidates of it

repro: .venv/runtime ## the same run as a DVC pipeline
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/dvc repro

pull: .venv/runtime ## fetch data and packages that the pointers name from the DVC remote
	@$(BIN)/python run.py data pull $(ARGS)

push: .venv/runtime ## record data and packages in their pointers and push them to the DVC remote
	@$(BIN)/python run.py data push $(ARGS)

login: .venv/runtime ## let a browser give this machine access to Google Drive, with an OAuth client of your own
	@$(BIN)/python run.py data login

ci-champion: .venv/runtime ## in CI: data and the champion that the base commit's pointers name
	@$(BIN)/python run.py ci champion

ci-train: .venv/runtime ## in CI: train every use case and say what it would change (CI_STACK=docker)
	@$(BIN)/python run.py ci train

ci-promote: .venv/runtime ## in CI, on the main branch: train, judge, promote
	@$(BIN)/python run.py ci promote

ci-rollback: .venv/runtime ## in CI, by hand: the former champion of ROLLBACK_USE_CASE again
	@$(BIN)/python run.py ci rollback

ci-comment: .venv/runtime ## in CI: write reports/comment.md and the job's summary
	@$(BIN)/python run.py ci comment

ci-post: .venv/runtime ## in CI: put reports/comment.md on pull request PR_NUMBER, with CML
	@$(BIN)/python run.py ci post

ci-pointer: .venv/runtime ## in CI, on the main branch: commit the new champion's pointer
	@$(BIN)/python run.py ci pointer

ci-image: .venv/runtime ## in CI, on the main branch: build, try out and push the image that serves the champion
	@$(BIN)/python run.py ci image

ci-fork-comment: .venv/runtime ## in CI: comment on a fork's pull request from its validated artifact
	@$(BIN)/python run.py ci fork-comment

ci-drift: .venv/runtime ## in CI: the newest data of every use case against its champion (CI_STACK=docker)
	@$(BIN)/python run.py ci drift

ci-drift-issue: .venv/runtime ## in CI: open, update or close the issue of each use case
	@$(BIN)/python run.py ci drift-issue

ci-drift-retrain: .venv/runtime ## in CI: start the training pipeline
	@$(BIN)/python run.py ci drift-retrain

rehearse: .venv/dev .venv-drive/ready ## play the workflows on this machine: a better pull request, its merge, a worse one, a fork's, a rollback, drift
	$(BIN)/python -m tests.containers.rehearsal

ci-check: ## in CI: fail unless every job named in RESULTS has succeeded
	@test -n "$$RESULTS" && for result in $$RESULTS; do test "$$result" = success || { echo "Not every job succeeded: $$RESULTS"; exit 1; }; done

requirements: $(UV) .venv/runtime ## resolve pyproject.toml anew and write requirements/*.txt; warn of pins that are two years old
	rm -f uv.lock
	$(UV) lock --quiet
	$(UV) export $(EXPORT) --no-dev --output-file requirements/image.txt
	$(UV) export $(EXPORT) --no-dev --group dvc --output-file requirements/runtime.txt
	$(UV) export $(EXPORT) --no-dev --group dvc --group dashboard --output-file requirements/dashboard.txt
	$(UV) export $(EXPORT) --group dvc --group dev --group dashboard --group kubernetes --group serving $(BOOSTERS) --output-file requirements/dev.txt
	$(UV) export $(EXPORT) --no-dev --group kubernetes --output-file requirements/pod.txt
	$(UV) export $(EXPORT) --only-group serving --output-file requirements/serving.txt
	for group in lightgbm xgboost catboost own-code; do $(UV) export $(EXPORT) --only-group $$group --output-file requirements/$$group.txt; done
	$(UV) export $(EXPORT) --only-group drive --output-file requirements/drive.txt
	@$(BIN)/python -m devtools.old_pins $(UV)
BOOSTERS := --group lightgbm --group xgboost --group catboost
EXPORT := --quiet --no-emit-index-url --no-header --format requirements-txt

clean: ## remove environments, store, reports and caches (never models/ or data/)
	rm -rf .venv .venv-drive .bench .uv .zenml .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage* reports/*/

.uv/bin/uv:
	@echo "Fetching uv $(UV_VERSION) into .uv (once) ..."
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --allow-existing --python '$(PYTHON_VERSION)' .venv

# A larger set contains the smaller one, so installing it is enough for both.
.venv/runtime: requirements/runtime.txt | .venv/bin/python
	$(INSTALL)
	@touch $@

.venv/dashboard: requirements/dashboard.txt | .venv/bin/python
	$(INSTALL)
	@touch $@ .venv/runtime

.venv/kubernetes: requirements/pod.txt | .venv/runtime
	$(INSTALL)
	@touch $@

.venv/lightgbm .venv/xgboost .venv/catboost: .venv/%: requirements/%.txt | .venv/runtime
	$(INSTALL)
	@touch $@

.venv/serving: requirements/serving.txt | .venv/runtime
	$(INSTALL)
	@touch $@

.venv/dev: requirements/dev.txt | .venv/bin/python
	$(INSTALL)
	@touch $@ .venv/runtime .venv/dashboard .venv/kubernetes .venv/serving

# The Drive client needs older libraries; champion/datastore/backends/drive/backend.py asks for it when the remote is gdrive://.
.venv-drive/ready: requirements/drive.txt | $(UV)
	@echo "Installing $< into .venv-drive (once) ..."
	@$(UV) venv --quiet --allow-existing --python '>=3.11,<3.14' .venv-drive
	@$(UV) pip install --quiet --python .venv-drive/bin/python --require-hashes -r $<
	@touch $@

INSTALL = @echo "Installing $< into .venv (once) ..." && \
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $<
