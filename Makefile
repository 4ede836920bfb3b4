SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

PY := .venv/bin/python
STACK := .venv/bin/stack
# Folders of tests at a time; 0: in this process. On two cores a third makes all of them slower.
WORKERS ?= 2

# What, if newer than the environment, means that it is to be set up again.
CONNECTORS := code_locations/ingestion/src/ingestion/airbyte
DECLARED := uv.lock pyproject.toml scripts/setup.sh $(wildcard code_locations/*/pyproject.toml) \
	$(CONNECTORS)/connectors.py $(CONNECTORS)/environments.py $(wildcard $(CONNECTORS)/connections/*)

.PHONY: help setup run dev dev-locations sample-data query dbt test test-unit test-chart images attest pin publish-chart licences audit test-cluster test-gitops kind promote lint format docs bench bench-cluster clean clean-files distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1mmake %-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## Set up uv, packages, the Airbyte connector and dbt in this folder (others call it)

.venv/.ready: $(DECLARED)
	@scripts/setup.sh

# Asked for by name, it looks at everything anew: a connection's file may be anywhere.
ifneq ($(filter setup,$(MAKECMDGOALS)),)
.PHONY: .venv/.ready
endif

run: setup sample-data ## Run the whole daily_data_pipeline (or PIPELINE=name), with progress and a summary
	@$(STACK) run $(PIPELINE)

dev: setup sample-data ## Open the stack in Dagster's UI, one process: http://localhost:3000
	@$(STACK) dev

dev-locations: setup sample-data ## The same as four code locations, a process each
	@$(STACK) dev --locations

sample-data: setup ## Write the sample exports, if there are none (SIZE=number of time entries)
	@$(STACK) sample-data $(if $(SIZE),--size $(SIZE))

query: export QUERY = $(value SQL)
query: setup ## Query the warehouse: make query SQL="select * from marts.cash_in"
	@$(STACK) query "$$QUERY"

dbt: setup ## Run dbt by hand: make dbt ARGS="build -s marts"
	@$(STACK) dbt $(ARGS)

test: setup ## Run the tests: integration, then unit (the small ones last, so that no worker waits)
	@$(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder tests/integration tests/unit

test-unit: setup ## Run the unit tests only: seconds
	@$(PY) -m pytest tests/unit

test-chart: setup ## Test chart and environments (helm, kind, kubectl, promtool on PATH, or HELM_BIN=path, …)
	@$(PY) -m pytest tests/chart

images: ## Build and push the five images, print their digests (IMAGE_REGISTRY, BUILD_IMAGE; default: docker)
	@scripts/build-images.sh

attest: setup ## Attach SBOM and provenance to images: make attest IMAGES=images.yaml (needs syft and oras)
	@$(PY) -m scripts.supply attest $(or $(IMAGES),images.yaml)

pin: setup ## Print values that name Postgres, SeaweedFS and oauth2-proxy by digest (needs oras)
	@$(PY) -m scripts.supply pin

publish-chart: ## Push the chart to an OCI registry: make publish-chart TO=oci://registry.example.org/charts
	@scripts/publish-chart.sh "$(TO)"

licences: setup ## List the licences of what the lock has, and refuse those that nobody allowed
	@$(PY) -m scripts.supply licences

audit: setup ## Look for known vulnerabilities in the lock: make audit ADVISORIES=folder (without: asks osv.dev)
	@$(if $(ADVISORIES),$(PY) -m scripts.supply audit "$(ADVISORIES)",.tools/bin/uv audit --frozen)

test-cluster: setup ## Test on a real cluster (KUBECONFIG, IMAGE_REGISTRY, BUILD_IMAGE, INGRESS_ADDRESS)
	@$(PY) -m pytest tests/cluster

test-gitops: setup ## Test environments that follow git (as test-cluster, and GITEA_URL, GITEA_LOGIN, Argo CD or Flux)
	@$(PY) -m pytest tests/gitops

kind: ## Make a cluster on this machine, with registry and ingress (docker, kubectl): once, or again
	@scripts/kind.sh up

promote: setup ## Copy proven image digests to the next environment: make promote FROM=dev TO=staging (ARGS="--dry-run")
	@$(STACK) promote "$(FROM)" "$(TO)" $(ARGS)

lint: setup ## Check style, types, SQL, shell and dead code
	@scripts/lint.sh

docs: setup ## Write what is made from declarations: .env.example, docs/pipelines.md, docs/layouts.md, docs/chart-values.md, …
	@$(PY) -m scripts.env_example && $(PY) -m scripts.pipelines_page && $(PY) -m scripts.layouts_page && $(PY) -m scripts.chart_values_page && $(PY) -m scripts.chart_variables && $(PY) -m scripts.metrics_page

format: setup ## Format the code
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix . && .venv/bin/sqlfluff fix -q code_locations/transformation/dbt

bench: setup ## Measure the budgets, as ratios in one run; results in benchmarks/results
	@status=0; for what in load_time continuation data_path files daily peers; do $(PY) -m benchmarks.$$what || status=$$?; done; exit $$status

bench-cluster: setup ## The same on a cluster, beside stock settings (KUBECONFIG, IMAGE_REGISTRY, BUILD_IMAGE)
	@PYTHONPATH=tests $(PY) -m benchmarks.cluster $(ARGS)

clean: ## Wipe what can be made again: warehouse, runs, results; say what is kept
	@scripts/clean.sh

clean-files: ## Wipe also what was dropped into .stack (exports, incoming, alerts, quarantine): make clean-files CONFIRM=yes
	@CONFIRM="$(CONFIRM)" scripts/clean.sh all

distclean: clean ## Also wipe what setup made
	@rm -rf .venv .tools .connectors
