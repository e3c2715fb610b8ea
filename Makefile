# Two commands: `make demo` and `make test`. Each sets up what it needs, with uv where it is there, else with venv and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := $(shell command -v uv 2>/dev/null)

.PHONY: demo test lint format bench clean setup

demo: $(READY)
	@$(BIN)/seatrial demo --project titanic

test: $(READY)
	$(BIN)/seatrial train --project titanic
	$(BIN)/python -m pytest
	cd titanic && ../$(BIN)/python -m pytest -c /dev/null --rootdir=. -q tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks

setup: $(READY)

# Made again when the dependencies change; the marker is written last, so that an interrupted set-up is repeated.
$(READY): pyproject.toml titanic/pyproject.toml
ifdef UV
	@test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	@uv pip install --quiet --python $(BIN)/python --editable '.[all]' --group dev
else
	@$(PYTHON) -c 'import sys; sys.exit("Seatrial needs Python 3.11 or newer.") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' --group dev
endif
	@touch $(READY)

clean:
	rm -rf titanic/.seatrial titanic/dist titanic/runs titanic/src/titanic_model/artifacts
