# Two commands matter: `make run` and `make test`. Everything is kept in .venv/ and instance/.

PYTHON ?= python3
VENV := .venv/bin
# macOS looks for Homebrew's libraries (Pango) only when told to, and forgets it at every shell.
ifeq ($(shell uname -s),Darwin)
LIBRARIES := DYLD_FALLBACK_LIBRARY_PATH=/opt/homebrew/lib:/usr/local/lib
endif
# Two workers for two cores; tests/scheduling.py keeps the browser journeys on one of them.
PYTEST := $(LIBRARIES) $(VENV)/python -m pytest -n 2
FACTOR ?= 1
UV := uv==0.13.9
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help run test test-slow lint types bench scale migrate seed lock messages ready-to-run ready-to-check ready-to-bench ready-to-test

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

ready-to-run:
	@$(PYTHON) scripts/prepare.py run

ready-to-check:
	@$(PYTHON) scripts/prepare.py lint

ready-to-bench:
	@$(PYTHON) scripts/prepare.py bench

ready-to-test:
	@$(PYTHON) scripts/prepare.py test

run: ready-to-run ## Start Comptoir at http://localhost:8000 (COMPTOIR_PORT=… for another port)
	@$(LIBRARIES) $(VENV)/python -m scripts.run

test: ready-to-test lint types ## Everything that must hold, on SQLite and on PostgreSQL, browser included
	$(PYTEST)

test-slow: ready-to-test ## Races, kills and replays at their full counts
	$(PYTEST) --full-counts -m slow

lint: ready-to-check ## Style, size and complexity of the code; who may import whom
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/lint-imports --no-logo

types: ready-to-check ## mypy, strict
	$(VENV)/mypy

bench: ready-to-bench ## One JSON line per figure (GROUP=pages for one group)
	@$(LIBRARIES) FACTOR=$(FACTOR) $(VENV)/python -m bench $(GROUP)

scale: ready-to-bench ## A database of the size to hold, kept for GROUP=scale (FACTOR=1; from 1/1000 to 10)
	@$(LIBRARIES) $(VENV)/python -m bench.scaling.build $(FACTOR)

migrate: ready-to-run ## Bring the database to the newest schema
	@mkdir -p instance
	$(VENV)/alembic upgrade head

seed: migrate ## Load the programme and the demo data, once
	$(VENV)/flask --app wsgi seed

messages: ready-to-check ## Bring the translation catalogues up to date with the code and the templates
	@$(VENV)/python -m scripts.messages

lock: ready-to-run ## Resolve requirements*.in again into exact versions with hashes
	$(VENV)/python -m pip install --quiet $(UV)
	$(VENV)/$(LOCK) requirements.in --output-file requirements.txt
	$(VENV)/$(LOCK) requirements-dev.in --output-file requirements-dev.txt
