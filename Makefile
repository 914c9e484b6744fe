# What a developer runs. Needs Python 3.11 or later with pip, and make; everything else is set up in a private .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# One more than there are processors, for some tests wait: for a clock, or for a program that they started.
WORKERS = $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')
PIN := uv pip compile pyproject.toml --quiet --upgrade --generate-hashes --universal --no-header --no-annotate --python-version 3.11

MAKEFLAGS += --no-builtin-rules
# The suite starts the product hundreds of times: what Python compiled is kept, whatever the machine's own way.
unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.PHONY: help demo test worlds lint mutants bench pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## clean a made-up registry before your eyes
	$(BIN)/cleaner demo

test: $(VENV)/.dev ## run the whole suite; what a missing Debian package would have tested is skipped, with its name
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

worlds: $(VENV)/.dev ## live through five hundred random worlds, weeks of runs each, and count the broken promises (a quarter of an hour)
	$(BIN)/python -m tests.simulation

lint: $(VENV)/.dev ## check style, format, types and the rooms' imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

mutants: $(VENV)/.dev ## change retention and planning in small ways and list the changes that no test notices (five to ten minutes; tests/MUTANTS.md has those known)
	$(BIN)/mutmut run
	$(BIN)/mutmut results

bench: $(VENV)/.dev ## print what the idle daemon costs, how wide the window of a deletion is, and what it takes to know what is in use
	$(BIN)/python -m tests.bench.idle
	$(BIN)/python -m tests.bench.window
	$(BIN)/python -m tests.bench.in_use

pins: ## pin the newest releases with their hashes (needs uv)
	$(PIN) --group build --output-file requirements.txt
	$(PIN) --group build --extra kubernetes --extra notify --output-file requirements-image.txt
	$(PIN) --group dev --output-file requirements-dev.txt

clean: ## remove the private .venv and every cache
	rm -rf $(VENV) build dist mutants *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find cleaner tests -name __pycache__ -prune -exec rm -rf {} +

# The stamps: set-up is done again only when the pins change. The package itself is installed last and by the pinned
# setuptools, so that nothing is fetched that no hash vouches for.
$(VENV)/.runtime: requirements.txt
$(VENV)/.dev: requirements-dev.txt
$(VENV)/.runtime $(VENV)/.dev: | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes --requirement $<
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or later is needed: make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
