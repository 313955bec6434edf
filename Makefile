# Two commands do all: `make run` and `make test`. The rest are their parts.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# Debian builds its own interpreter with all optimisations; others on the path often are not.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3.11) $(shell command -v python3.11 || command -v python3))
BIN := .venv/bin
UV := $(BIN)/uv

.PHONY: help run setup setup-dev setup-test compile check test format lint types imports unit bench docs reference clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: setup  ## Set up, then run the gateway with the demonstration configuration
	@exec $(BIN)/mailwarden run --demo

.venv/.python: tools/make_venv.sh
	@tools/make_venv.sh "$(PYTHON)"

.venv/.runtime: .venv/.python pyproject.toml uv.lock
	@$(UV) sync --quiet --frozen --inexact && touch $@

.venv/.dev: .venv/.python pyproject.toml uv.lock
	@$(UV) sync --quiet --frozen --group dev --group fuzz && touch $@ .venv/.runtime

setup: .venv/.runtime  ## Create .venv with what the gateway needs
setup-dev: .venv/.dev  ## The same, with the developer's tools
setup-test: setup-dev  ## The same, with the servers that the tests talk to
	@tools/install_test_servers.sh

compile: .venv/.python  ## Translate the hot path to machine code: a quarter less processor time a message
	@tools/install_compiler.sh
	@$(UV) sync --quiet --frozen --inexact --group compile
	@$(BIN)/python tools/compile.py

format: setup-dev
	@$(BIN)/ruff format --check --quiet src tests tools
lint: setup-dev
	@$(BIN)/ruff check --quiet src tests tools
types: setup-dev
	@$(BIN)/mypy
imports: setup-dev
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports
unit: setup-dev
	@MAILWARDEN_INTERPRETED=1 $(BIN)/pytest -q -n 2 tests/unit tests/architecture

check: format lint types imports unit  ## Format, lint, types, imports and unit tests: before each commit

test: setup-test format lint types imports unit compile  ## Set up and run all checks, most of them compiled
	@MAILWARDEN_INTERPRETED=1 $(BIN)/pytest -q -n 2 -m interpreted tests/property tests/end_to_end
	@$(BIN)/pytest -n 2 --dist worksteal -m "not interpreted" tests

bench: setup-test compile  ## Paired runs against the other MTAs on this machine
	@$(BIN)/mailwarden bench --peers all

reference: setup-dev  ## Write docs/reference anew from settings and commands
	@$(BIN)/python tools/write_reference.py
docs: reference  ## Build the documentation site
	@$(BIN)/mkdocs build --quiet --strict

clean:  ## Remove what was built; state under var/ stays
	@rm -rf .venv build site .perf .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis
