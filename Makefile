# Two commands do everything: `make demo` and `make test`. Each makes what it needs and works twice in a row.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
LEDGER ?= embedded
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: help demo test lint format proto bench evaluate lock clean
help: ## This list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/.created:
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.base: $(VENV)/.created requirements/base.txt pyproject.toml
	@echo "installing what the programs need (hashes checked)"
	@$(PIP) install --require-hashes -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	@echo "installing what tests and lint need (hashes checked)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# What the rules' speed is held against; without it the bench says so and goes on.
$(VENV)/.schematron: $(VENV)/.dev requirements/schematron.txt
	@$(PIP) install --require-hashes -r requirements/schematron.txt && touch $@ || echo "Saxon cannot be installed here"

demo: $(VENV)/.base ## The whole job on this machine, told in the terminal
	@$(BIN)/chanrong demo --ledger $(LEDGER)

test: $(VENV)/.dev ## All tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev ## Formatting, lint, types, import direction, protos
	@$(BIN)/python tools/lint.py

format: $(VENV)/.dev ## Let ruff format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

proto: $(VENV)/.dev ## Generate consortium/wire from proto/
	@$(BIN)/python tools/gen_proto.py

bench: $(VENV)/.dev $(VENV)/.schematron ## The benchmark table, ratios within one run
	@$(BIN)/python -m tests.bench --ledger $(LEDGER) $(BENCH_ARGS)

evaluate: $(VENV)/.dev ## Frauds caught and honest trades stopped, on generated trades
	@$(BIN)/python -m tests.evaluation $(EVALUATE_ARGS)

lock: $(VENV)/.dev ## Write requirements/*.txt anew, with hashes
	@cd requirements && for f in base dev pkcs11 schematron; do ../$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header $$f.in -o $$f.txt; done

clean: ## Remove the environment and caches
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
