# make demo: set up and run the main job on real code.  make test: set up and pass the tests.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
PIP_OPTIONS ?=
# The others in that folder are what these share.
SHARED := record clock observe
BENCHMARKS := $(filter-out $(SHARED:%=benchmarks/%.py),$(wildcard benchmarks/*.py))

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: $(VENV)/.installed ## set up, train a small model on Python's own library (about 5 minutes), show what it can do
	@$(RUN)/understudy up recipes/demo.yaml
	@echo '(the command is in $(RUN); to type it as above:  source $(RUN)/activate)'

test: $(VENV)/.installed-dev ## set up and run all tests
	@$(RUN)/python -m pytest

check: $(VENV)/.installed-dev ## format, lint, types, and the rules of the house
	@$(RUN)/ruff format --check src tests benchmarks docs && $(RUN)/ruff check src tests benchmarks docs
	@$(RUN)/mypy
	@$(RUN)/python -m pytest tests/rules

torture: $(VENV)/.installed-dev ## the long reliability tests (hours)
	@$(RUN)/python -m pytest -m torture -o addopts="-q --import-mode=importlib -p no:cacheprovider"

bench: $(VENV)/.installed-dev ## all benchmarks, beside the rivals; writes benchmarks/results
	@$(RUN)/pip install -q $(PIP_OPTIONS) -c constraints.txt -e '.[bench]'
	@for file in $(BENCHMARKS); do echo "== $$file"; $(RUN)/python $$file || exit 1; done

docs: $(VENV)/.installed-dev ## write the generated reference (commands, recipe) into docs/reference
	@$(RUN)/python docs/generate.py

clean: ## delete what the project made here: artifacts, caches, the virtual environment
	rm -rf .understudy $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing packages into $(VENV) (once)"
	@$(RUN)/pip install -q $(PIP_OPTIONS) -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(RUN)/pip install -q $(PIP_OPTIONS) -c constraints.txt -e '.[dev]'
	@touch $@

.PHONY: help demo test check torture bench docs clean
