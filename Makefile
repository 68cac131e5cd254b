PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: compare test setup lint types slow remedy docs docs-serve chaos bench bench-quality atlas reproduce-synthetic compat

compare: setup  ## the main job: every method of the default set on the embedded corpus
	$(BIN)/vae compare

test: setup  ## the tests, on all cores
	$(BIN)/pytest -q -n auto

setup: $(STAMP)

$(STAMP): pyproject.toml .ci/constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vae needs Python 3.11 or later; set PYTHON=")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -c .ci/constraints.txt -e '.[dev]'
	touch $(STAMP)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

slow: setup  ## the long checks
	$(BIN)/pip install -q --disable-pip-version-check -c .ci/constraints.txt -e '.[dev,notebook]'
	$(BIN)/pytest -q -m slow

remedy: setup  ## a new remedy to begin with, its test and a checklist; NAME=my_remedy
	$(BIN)/python -m vaecli.catalogue.scaffold $(NAME)

docs: setup  ## writes what is generated (first table, cards of methods) and builds the site; broken links are errors
	$(BIN)/python -m experiments.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q -d build/site

docs-serve: setup  ## the site at http://127.0.0.1:8000, rebuilt as files change
	$(BIN)/python -m experiments.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve -a 127.0.0.1:8000

chaos: setup  ## kills runs, workers and drivers 200 times and compares byte for byte; ARGS="--kills 20"
	$(BIN)/python -m experiments.chaos $(ARGS)

bench: setup  ## speed and memory against a plain PyTorch reference; ARGS="--only train-ptb --threads 1"
	$(BIN)/python -m experiments.benchmarks $(ARGS)

bench-quality: setup  ## what the fast arithmetic costs in nats
	$(BIN)/python -m experiments.benchmarks.quality $(ARGS)

compat: setup  ## tests and two methods on the lowest and newest versions that pyproject.toml allows, per Python; ARGS="--sets lowest --tests fast"
	$(BIN)/python -m experiments.compat $(ARGS)

BUDGET ?= 10m
JOBS ?= 1
atlas: setup  ## more trials of the atlas of collapse; BUDGET=2h JOBS=8
	$(BIN)/python -m experiments.atlas --budget $(BUDGET) --jobs $(JOBS)

reproduce-synthetic: setup  ## more trials of every method where the truth is known, docs/synthetic.md; BUDGET=1h JOBS=2
	$(BIN)/python -m experiments.synthetic --budget $(BUDGET) --jobs $(JOBS)
