# make demo, make quick, make test: each sets up everything on a machine that has Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
HOUSE := build/house
JOBS ?= 2

.PHONY: venv demo quick test lint types quick-tests all-tests clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   draw and speak a small kitchen set, extract, train, evaluate, and write a page to look at"
	@echo "make quick  lint, types and the tests that need no encoder: under a minute"
	@echo "make test   lint, types and all tests"
	@echo "make venv   only the environment ($(VENV))"

venv: $(VENV)/.ready

# torch first and pinned: an open range takes gigabytes of CUDA packages where a CPU build is enough.
$(VENV)/.ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("fmn needs Python 3.11 or newer, this is %d.%d; name another with PYTHON=" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,zoo,compare,dev]'
	touch $@

demo: venv
	$(BIN)/fmn-demo --out demo-data

# mypy runs beside the tests: one core would idle.
quick: lint
	$(MAKE) --jobs=2 types quick-tests

test: lint
	$(MAKE) --jobs=2 types all-tests

# tests/conftest.py marks the folders, and says which tests share a process and which begin.
PYTEST := $(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder

# One process: mypy has the other core, and each further one imports torch first.
quick-tests: venv
	$(BIN)/python -m pytest --quiet -m "not slow and not media and not gpu"

all-tests: venv
	$(PYTEST)

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy wants the packages under their import names; the rooms stand at top level, so a tree of links shows them to it.
types: venv
	rm -rf $(HOUSE)
	mkdir -p $(HOUSE)/fmn
	for part in fmn/*; do ln -s ../../../$$part $(HOUSE)/fmn/; done
	for room in cache extract retrieval train speech datasets demo; do ln -s ../../../$$room $(HOUSE)/fmn/$$room; done
	MYPYPATH=$(HOUSE) $(BIN)/mypy -p fmn

clean:
	rm -rf $(VENV) build demo-data .pytest_cache .mypy_cache .ruff_cache
