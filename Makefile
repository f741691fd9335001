# Short names for the commands that contributors use; each is one line that also works by itself.
.DEFAULT_GOAL := help
PY := .venv/bin/python
.PHONY: help setup lint types test test-fast test-containers run demo up down clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

setup: ## Make .venv with everything editable, and install what tests need (Debian, root)
	./test.sh --setup

lint: ## Format and fix what can be fixed, report the rest
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
	.venv/bin/lint-imports

types: ## Check types
	$(PY) -m mypy

test: ## Lint, types and all tests that need no Docker
	./test.sh

test-fast: ## Lint, types, unit and contract tests
	./test.sh --fast

test-containers: ## The tests that need a Docker engine
	$(PY) -m pytest tests/containers

run: ## Start the suite without Docker
	./run.sh

demo: ## Start the suite with a demo call and a receiver of its alerts
	./run.sh --demo

up: ## Start the suite in containers
	docker compose up --build --wait

down: ## Stop the containers; the data stays
	docker compose down

clean: ## Remove what builds and tests left; the data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist htmlcov
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
