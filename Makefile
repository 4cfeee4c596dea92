# Every target makes its own virtual environment first; all that a machine needs is Python 3.11 or later and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
ARGS ?=
# What docs/contributing.md says of each.
SMALL := VECTORMIGRATE_KILLS=3 VECTORMIGRATE_KILL_RECORDS=4000 VECTORMIGRATE_LIVE_KILLS=10 VECTORMIGRATE_LIVE_SWAPS=1 \
	VECTORMIGRATE_LIVE_ROUNDS=1 VECTORMIGRATE_LIVE_MINUTES=1 VECTORMIGRATE_SECONDS=20 VECTORMIGRATE_RATE=100 \
	VECTORMIGRATE_SWAPS=4 VECTORMIGRATE_LAG_SECONDS=10 VECTORMIGRATE_RETURNING_RECORDS=100 VECTORMIGRATE_TEST_QUERIES=60 \
	VECTORMIGRATE_LIVES=1 SEEDS=200

.PHONY: demo test check integration bench run docs reference lock clean
.DEFAULT_GOAL := test

demo: .venv/.stamp ## The whole story on embedded stores, in seconds. ARGS=--json for one document.
	@$(BIN)/vectormigrate demo $(ARGS)

test: .venv/.stamp ## Fast tests; loopback only. ARGS=tests/cli for some of them.
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

check: .venv/.stamp ## Lint, format, layers, types, dependencies, architecture.
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check . && $(BIN)/lint-imports
	@$(BIN)/mypy && $(BIN)/deptry --no-ansi . 2>&1 && $(BIN)/python -m pytest -q -p no:randomly tests/test_architecture.py

integration: .venv/.stamp ## Real processes killed at random moments over real stores; a day. QUICK=1 for an hour: everything once, small.
	@$(if $(QUICK),env $(SMALL)) $(BIN)/python -m pytest -v --timeout 0 --durations 0 --durations-min 5 integration $(ARGS)

bench: .venv/.stamp ## Speed against the raw floors: a table, and JSON in integration/bench/out. WHAT=proxy, writes, restart: of serve.
	@$(BIN)/python -m integration.bench$(if $(WHAT),.$(WHAT)) $(ARGS)

run: .venv/.stamp ## make run ARGS="status my-migration"
	@$(BIN)/vectormigrate $(ARGS)

docs: .venv/.stamp ## The pages as a site in build/docs; without network.
	@$(BIN)/zensical build -f mkdocs.yml

reference: .venv/.stamp ## Write the pages anew that show tables of the code: commands, settings, metrics, ...
	@$(BIN)/python -c "from vectormigrate.cli import help; print(help.reference(), end='')" > docs/commands.md
	@$(BIN)/python -c "from vectormigrate.cli import manpage; print(manpage.page(), end='')" > docs/vectormigrate.1
	@for page in settings requests errors; do $(BIN)/python -c "from vectormigrate.cli import reference; print(reference.$$page(), end='')" > docs/$$page.md; done
	@$(BIN)/python -c "from vectormigrate.daemon.telemetry import catalogue; print(catalogue.reference(), end='')" > docs/metrics.md
	@$(BIN)/python -c "import asyncio; from vectormigrate.daemon import fidelity_page; print(asyncio.run(fidelity_page.page()), end='')" > docs/fidelity.md
	@$(BIN)/python -c "import asyncio, pathlib; from vectormigrate.daemon import pair_pages; [pathlib.Path('docs/pairs', name).write_text(text) for name, text in asyncio.run(pair_pages.made()).items()]"

lock: .venv/.stamp ## Bring requirements.lock up to date with pyproject.toml.
	@$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -q -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --extra parquet --extra otel --constraint requirements.lock --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -q -o deploy/requirements.lock

clean: ## Remove the environment and every cache.
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/.stamp: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: Python 3.11 or later is needed; name one with PYTHON=..." >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	@echo "installing into .venv" >&2 && $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . && touch $@
