# Everything here works on a fresh machine that has Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test lint bench docs gallery dist changelog clean

# Run-time packages alone: what a user of `pip install iqatlas` gets.
$(VENV)/.run: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -e .
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.run
	$(BIN)/python -m pip install -q "torch==2.13.0"
	$(BIN)/python -m pip install -q -e ".[test,lint,torch,docs]"
	touch $@

demo: $(VENV)/.run
	$(BIN)/iqatlas generate -o helsinki-demo
	$(BIN)/iqatlas verify helsinki-demo

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# One thread each: two processes with threads of their own wait for each other, a quarter of the time.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# The manual, without the network; a warning is an error.
$(VENV)/.docs: pyproject.toml $(VENV)/.run
	$(BIN)/python -m pip install -q -e ".[docs]"
	touch $@

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Wheel and sdist, and the wheel tried as a stranger would: a fresh environment, an empty folder.
dist: $(VENV)/.run
	$(BIN)/python -m pip install -q -e ".[release]"
	rm -rf dist build/stranger
	$(BIN)/python -m build
	$(PYTHON) -m venv build/stranger/.venv
	build/stranger/.venv/bin/python -m pip install -q dist/*.whl
	cd build/stranger && .venv/bin/iqatlas generate -o demo --set raytracing.kind=free_space && .venv/bin/iqatlas verify demo

# Fragments of changes/ as they will stand in CHANGELOG.md.
changelog:
	$(PYTHON) scripts/changelog.py

bench: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) helsinki-demo build dist
