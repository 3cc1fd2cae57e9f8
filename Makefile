# Each word here is a word that CI uses too. Needs Python >= 3.11, git and make; everything else is set up below .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help certify test test-runtimes check format generate lock clean
help: ## list the words
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

certify: $(READY) ## certify the reference WOS and agent at quick depth
	$(BIN)/python conformance/tests/certify.py

test: $(READY) ## run all tests
	$(BIN)/python -m pytest -q -n 3 --dist worksteal

test-runtimes: $(READY) ## run the agent on a real container engine and a real Kubernetes API (root)
	$(BIN)/python reference-impl/tests/agent/engines

check: $(READY) ## format, lint, types, import directions
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## write the format that check asks for
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(READY) ## write all generated documents
	$(BIN)/python -m wos_conformance.generation

lock: $(READY) ## pin all requirements anew
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade --quiet \
	  --extra reference --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt

clean: ## remove what was made
	rm -rf $(VENV) build dist reports/local

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one with PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
