PYTHON ?= python3
ARGS ?=
RUNS ?= 1000
FUZZ_SECONDS ?= 600
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-full torture fuzz check check-full lint types imports accept language lock clean

help:  ## what can be made here
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# Everything from the index is pinned and hashed. The project itself is installed from this folder, so that the command
# `digest` exists and follows the files; what builds it is in the lock too, hence nothing else is downloaded.
$(VENV)/.run: requirements.txt pyproject.toml
	@echo "installing into $(VENV), which takes about half a minute"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is not Python 3.11 or newer; name one that is: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$(PYTHON) lacks venv or pip; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

# What checks the mails' HTML in the tests: from npm, pinned and hashed by its lock, without any script of a package.
$(VENV)/.html: tests/htmlvalidate/package-lock.json $(VENV)/.dev
	mkdir -p $(VENV)/html
	cp tests/htmlvalidate/package.json tests/htmlvalidate/package-lock.json $(VENV)/html
	npm ci --silent --ignore-scripts --no-audit --no-fund --prefix $(VENV)/html
	@touch $@

demo: $(VENV)/.run  ## three mornings of a fictional town, in your browser (ARGS=--once to end by itself)
	$(BIN)/digest demo $(ARGS)

test: $(VENV)/.dev  ## the tests that this machine can run, and a list of what it left out
	$(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

test-full: $(VENV)/.dev  ## every test; installs Chromium and the like on Debian first (this is what CI runs)
	.ci/debian
	$(MAKE) --no-print-directory $(VENV)/.html
	DIGEST_TEST_FULL=1 $(BIN)/python -m pytest -n auto --dist loadgroup $(ARGS)

torture: $(VENV)/.dev  ## new lives of readers, a thousand of them (RUNS=5000 for more); a failing one is made short
	DIGEST_LIFECYCLES=$(RUNS) $(BIN)/python -m pytest -q tests/test_lifecycle.py $(ARGS)

fuzz: $(VENV)/.dev  ## the parsers under atheris for ten minutes (FUZZ_SECONDS=60); findings are kept in artifacts/fuzz
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m tests.fuzz $(ARGS)

lint: $(VENV)/.dev  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev  ## mypy --strict
	$(BIN)/mypy

imports: $(VENV)/.dev  ## imports point one way
	$(BIN)/lint-imports

check: lint types imports test  ## all of these, as before every commit

check-full: lint types imports test-full  ## the same with nothing left out

accept: $(VENV)/.dev  ## take the pictures of mails anew that the tests compare with; look at them before you commit
	@$(BIN)/python -m tests.looks

language: $(VENV)/.run  ## add a language, or bring its catalogue up to date: make language CODE=fr
	@$(BIN)/python -m digest.languages "$(CODE)"

# uv is the one tool that resolves for every platform at once; it is a developer's own (pip install uv), never a test's.
LOCK := uv pip compile pyproject.toml --group build --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11

lock:  ## pin and hash every dependency again (needs uv in your PATH; ARGS=--upgrade for newer versions)
	@command -v uv >/dev/null || { echo "make lock needs uv in your PATH: pip install uv" >&2; exit 2; }
	$(LOCK) $(ARGS) -o requirements.txt
	$(LOCK) $(ARGS) --group dev -c requirements.txt -o requirements-dev.txt

clean:  ## forget the virtual environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
