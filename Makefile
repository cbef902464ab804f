.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[demo,dev]'
	@touch $@

setup: $(VENV)/.ready ## make .venv with everything that demo and tests need

demo: setup ## watch the real 2013 flights out of New York
	$(BIN)/warehouse-drift demo

test: setup ## lint, types, all tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2

test-fast: setup ## the tests that need no minute
	$(BIN)/python -m pytest -n 2 -m "not slow and not packaging"

integration: setup ## the conformance suite on real engines (make integration ENGINE=postgres)
	$(BIN)/python -m pytest integration --engine $(or $(ENGINE),all)

parity: setup ## which values of other libraries are reproduced (make parity PARITY_DIR=folder)
	$(BIN)/python tests/parity/harness.py $(PARITY_DIR)

docs: setup ## write the generated pages and the output of all examples anew
	$(BIN)/python -m warehouse_drift.config.schema > docs/reference/config.md
	$(BIN)/python -m warehouse_drift.results.reference > docs/reference/result_tables.md
	$(BIN)/python -m warehouse_drift.reports.reference cli > docs/reference/cli.md
	$(BIN)/python -m warehouse_drift.reports.reference statistics > docs/reference/statistics.md
	$(BIN)/python -m tests.docs.examples

bench: setup ## benchmark on DuckDB, N rows a side (make bench N=2000000)
	$(BIN)/python integration/benchmarks/bench_duckdb.py --rows $(or $(N),500000)

.PHONY: help setup demo test test-fast integration docs bench parity
