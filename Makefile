# What is done often. `make` alone lists it.
# Only what GNU make 3.81 knows is used, because that is the one that macOS has.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DEFAULT_GOAL := help
.PHONY: help install demo serve test lint format compatibility clients property fuzz speech bench wer clean

# PYTHON names the interpreter of .venv; without it one is looked for.
PYTHON ?=
# ARGS goes to the command that a target runs.
ARGS ?=
# How many examples each property of `make property` is tried on.
EXAMPLES ?= 10000
# How many client events `make fuzz` sends to one session.
EVENTS ?= 100000

BIN := .venv/bin

# Stamps of what is done. The one of the environment carries the PYTHON that was asked for, so that
# asking for another one makes another environment.
environment := .venv/.python$(subst /,-,$(PYTHON))
installed := .venv/.installed
testable := .venv/.testable
# npm writes this file at the end of an installation.
npm_clients := tests/interop/node/node_modules/.package-lock.json

needs_flite = @command -v flite >/dev/null || \
	{ echo "This needs flite. On Debian and Ubuntu: sudo apt install flite" >&2; exit 1; }

##@ Try it

demo: $(installed) ## hear a recorded question, speak the answer, be interrupted; writes reply.wav
	@$(BIN)/vivavoce demo $(ARGS)

serve: $(installed) ## keep the server running, e.g. ARGS='--llm http://localhost:11434/v1#qwen3'
	@$(BIN)/vivavoce serve $(ARGS)

install: $(installed) ## only install into .venv, as the others do first; PYTHON=python3.12 chooses
	@echo "Installed in .venv. Next: make demo, or .venv/bin/vivavoce --help"

##@ Work on it

test: lint $(npm_clients) ## lint, then run every test; ARGS='tests/unit -k resample' runs some
	@$(BIN)/python -m pytest $(ARGS)

lint: $(testable) ## check style, formatting, types and the direction of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(testable) ## rewrite the source in the project's format
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

compatibility: $(testable) $(npm_clients) ## write the tables of docs/compatibility.md anew, from the tests
	@$(BIN)/python -m pytest tests/conformance tests/interop --write-compatibility $(ARGS)

clients: $(testable) ## drive the server with LiveKit, Pipecat and others; installs 1.5 GB; ARGS='livekit telephone'
	@$(BIN)/python scripts/clients.py $(ARGS)

property: $(testable) ## a long campaign of random conversations; EXAMPLES=10000 for each property
	@VIVAVOCE_PROPERTY_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/property --timeout=0 $(ARGS)

fuzz: $(testable) ## random client events, EXAMPLES=10000; and that a session does not grow over EVENTS=100000
	@VIVAVOCE_PROPERTY_EXAMPLES=$(EXAMPLES) VIVAVOCE_FUZZ_EVENTS=$(EVENTS) \
		$(BIN)/python -m pytest tests/fuzz --timeout=0 $(ARGS)

clean: ## delete .venv and everything else that was built
	@rm -rf tests/interop/node/node_modules tests/clients/node/*/node_modules
	@rm -rf .venv build dist reply.wav .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Make and measure again what the repository holds

speech: $(installed) ## record the spoken questions of the tests and the demo; needs flite
	$(needs_flite)
	@$(BIN)/python scripts/make_speech.py $(ARGS)

bench: $(installed) ## what listening costs and how late events come, beside the floor; Linux
	@$(BIN)/python scripts/install.py --group bench
	@$(BIN)/python bench/listening.py $(ARGS)

wer: $(installed) ## the built-in recogniser's word error rate over the fixed list; needs flite
	$(needs_flite)
	@$(BIN)/python bench/wer.py $(ARGS)

help: ## this list
	@awk -f scripts/list_targets.awk $(firstword $(MAKEFILE_LIST))

# An environment whose interpreter is gone, or was replaced by a newer one, is made again.
.venv/bin/python: ;

$(environment): scripts/make_venv.sh .venv/bin/python
	@sh scripts/make_venv.sh .venv "$(PYTHON)"
	@touch .venv/.python $@

$(installed): pyproject.toml scripts/install.py $(environment)
	@$(BIN)/python scripts/install.py
	@touch $@

$(testable): $(installed)
	@$(BIN)/python scripts/install.py --group dev
	@$(BIN)/python scripts/install.py --group beta --into .venv/openai-beta
	@touch $@

$(npm_clients): tests/interop/node/package-lock.json | $(testable)
	@echo "Installing the clients from npm"
	@$(BIN)/python scripts/npm_ci.py tests/interop/node
	@touch $@
