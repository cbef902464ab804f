.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.10 or newer is needed, this is " + sys.version.split()[0] + ". Say which one: make PYTHON=python3.12" if sys.version_info < (3, 10) else 0)'
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@echo "Installing into $(VENV) what the demo needs (once; a minute or two)"
	@$(INSTALL) -e '.[demo]'
	@touch $@

$(VENV)/.ready: pyproject.toml | $(VENV)/.made
	@echo "Installing into $(VENV) what the tests need (once; a few minutes: engines that tests run on are large)"
	@$(INSTALL) -e '.[demo,dev]'
	@touch $(VENV)/.demo $@

setup: $(VENV)/.ready ## make .venv with everything that demo and tests need

demo: $(VENV)/.demo ## watch the real 2013 flights out of New York
	@$(BIN)/warehouse-drift demo
	@echo "(the commands of this checkout are in $(BIN))"

test: setup ## lint, types, all tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-fast: setup ## the tests that need no minute
	$(BIN)/python -m pytest -n 2 -m "not slow and not packaging"

golden: setup ## write the golden SQL of tests/golden anew
	WRITE_GOLDEN=1 $(BIN)/python -m pytest -q tests/golden -k as_it_was

integration: setup ## the conformance suite on real engines (make integration ENGINE=postgres)
	$(BIN)/python -m pytest integration --engine $(or $(ENGINE),all)

parity: setup ## which values of other libraries are reproduced (make parity PARITY_DIR=folder)
	$(BIN)/python tests/parity/harness.py $(PARITY_DIR)

docs: setup ## write the generated pages and the output of all examples anew
	$(BIN)/python -m warehouse_drift.config.schema > docs/reference/config.md
	$(BIN)/python -m warehouse_drift.results.reference > docs/reference/result_tables.md
	$(BIN)/python -m warehouse_drift.reports.reference cli > docs/reference/cli.md
	$(BIN)/python -m warehouse_drift.reports.reference statistics > docs/reference/statistics.md
	$(BIN)/python -m integration.matrix
	$(BIN)/python -m tests.docs.examples

site: $(VENV)/.site ## the documentation as a site, in site/ (open site/index.html)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean

$(VENV)/.site: pyproject.toml | $(VENV)/.made
	@$(INSTALL) -e '.[docs]'
	@touch $@

bench: setup ## benchmark on DuckDB, N rows a side (make bench N=2000000)
	$(BIN)/python integration/benchmarks/bench_duckdb.py --rows $(or $(N),500000)

bench-memory: setup ## compare with DuckDB's memory_limit at 512 MB (make bench-memory N=10000000)
	$(BIN)/python integration/benchmarks/memory.py --rows $(or $(N),10000000)

bench-statistics: setup ## what the statistics of one comparison cost on top of profiling
	$(BIN)/python integration/benchmarks/bench_statistics.py --rows $(or $(N),1000000)

false-alarms: setup ## 4,000 simulated runs without drift (about an hour; can be stopped and started again)
	$(BIN)/python integration/benchmarks/no_drift.py --state no_drift.json

bench-size: setup ## rows and bytes of a stored profile against its source
	$(BIN)/python integration/benchmarks/profile_size.py

bench-incremental: setup ## a run with one new bucket after 30, 100, 300 and 1,000 days of history
	$(BIN)/python integration/benchmarks/incremental.py --days 30 100 300 1000

bench-engines: setup ## candidate plans of a profile on one engine (make bench-engines ENGINE=postgres N=300000)
	$(BIN)/python -m integration.benchmarks.bench_engines --engine $(or $(ENGINE),duckdb) --rows $(or $(N),500000)
ifeq ($(ENGINE),spark)
	$(BIN)/python -m integration.benchmarks.bench_engines --engine spark --rows $(or $(N),500000) --scale 1 2 4
endif

.PHONY: site bench-engines bench-incremental help setup demo test test-fast integration golden docs bench parity bench-memory bench-size
