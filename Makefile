PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.PHONY: help demo test test-full check lint types imports lock clean

help:  ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(VENV)/.run: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(PIP) -r requirements-dev.txt
	@touch $@

demo: $(VENV)/.run  ## three mornings of a fictional town, in your browser (ARGS=--once to end by itself)
	$(BIN)/python -m digest demo $(ARGS)

test: $(VENV)/.dev  ## the tests that this machine can run, and what it left out
	$(BIN)/python -m pytest -n auto $(ARGS)

test-full: $(VENV)/.dev  ## everything, installing Chromium and fonts on Debian (this is what CI runs)
	.ci/debian
	DIGEST_TEST_FULL=1 $(BIN)/python -m pytest -n auto $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

check: lint types imports test  ## ruff, mypy --strict, import-linter, tests

lock: $(VENV)/.dev  ## pin and hash every dependency again (needs uv from PyPI in your PATH)
	uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -o requirements.txt
	uv pip compile pyproject.toml --group build --group dev --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11 -c requirements.txt -o requirements-dev.txt

clean:  ## forget the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
