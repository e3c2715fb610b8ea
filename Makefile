# Two commands: `make demo` and `make test`. Each sets up what it needs, with uv if it is installed, else with venv and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
ENGINES := $(VENV)/.engines
PYTEST ?= # more pytest options, such as PYTEST="-k trial --junitxml=reports/pytest.xml"
UV := $(shell command -v uv 2>/dev/null)
# Some images set this, and then each of hundreds of processes compiles scikit-learn again, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test soak lint format bench docs docs-serve setup lock clean

demo: $(RUN)
	@$(BIN)/seatrial demo --project titanic

test: $(DEV)
	$(BIN)/python -m pytest -n auto --dist loadscope --no-loadscope-reorder -rs $(PYTEST)

# Long tests: kills at twenty moments each, ten switches each way under load, whole pipelines, a project under each
# Python version, a few tables from `seatrial new` to the page, the guides and READMEs to the last command, every fault
# of the detection benchmark, container images, all combinations of models, a proven gate,
# ten minutes of generated requests, tables scored by real Ray and Spark clusters on this machine.
soak: $(ENGINES)
	SEATRIAL_SOAK=1 $(BIN)/python -m pytest -m "" -rs -s \
		tests/template/test_pythons.py tests/template/test_walk.py tests/docs/test_guides.py tests/docs/test_notebook.py tests/docs/test_tuning_page.py tests/docs/test_after_release_page.py tests/docs/test_scoring_files_page.py tests/docs/test_remote_tables_page.py \
		tests/deploy/test_canary.py tests/deploy/test_interruptions.py tests/deploy/test_kills.py tests/deploy/test_lost_state.py tests/deploy/test_clones.py tests/deploy/containers \
		tests/release/test_killed_over_http.py tests/release/test_confusion.py tests/release/test_bucket_index.py tests/ci/test_pipeline.py \
		tests/steps/test_index_service.py tests/steps/test_predict_folder.py tests/steps/test_project_table.py tests/wheels/test_hostile.py tests/wheels/test_pickles.py tests/release/test_index_withdrawals.py \
		tests/trial/prove/test_gate_proof.py tests/compile/test_models.py tests/compile/boosters tests/compile/test_calibration.py \
		tests/train/test_every_estimator.py tests/export/test_browser.py tests/export/test_sql_release.py \
		tests/trial/test_detection.py tests/trial/test_tasks.py tests/trial/sandbox/test_sandbox.py tests/trial/sandbox/test_sandbox_refusals.py \
		tests/trial/compare/test_groups.py tests/template/test_training.py \
		tests/docs/test_site.py::test_the_site_is_usable_in_a_browser_without_a_network \
		tests/test_demo.py \
		tests/ci/test_repository.py::test_a_change_of_one_project_runs_its_jobs_alone \
		tests/cli/test_trial.py tests/deploy/test_local.py tests/deploy/test_drain.py \
		tests/trial/test_run.py tests/trial/test_behaviour_trial.py tests/trial/test_new_row_faults.py \
		tests/serve/test_attacks.py tests/serve/test_log_kills.py tests/serve/test_schemathesis.py \
		tests/serve/doors/test_hostile_requests.py tests/train/history/test_mlflow_export.py \
		tests/deploy/monitoring/test_alert_rules.py tests/template/test_add.py tests/template/test_new.py \
		tests/trial/test_detection_groups.py tests/prediction_log tests/steps/test_pytest_plugin.py \
		tests/trial/traits/test_splits.py tests/serve/test_hostile_bodies.py \
		tests/engines

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV)
	$(BIN)/python -m benchmarks

# Builds the site of docs/ in site/. Warnings are errors; the reference is generated from the code first.
docs: $(DEV)
	$(BIN)/python -m tests.docs.reference
	$(BIN)/zensical build --clean --strict

docs-serve: $(DEV)
	$(BIN)/zensical serve --dev-addr 127.0.0.1:8010

setup: $(DEV)

# Pinned requirements with hashes and without URLs; `uv lock` would record the URL of each file.
LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
lock:
	$(LOCK) --upgrade --extra all -o requirements/run.txt
	$(LOCK) --upgrade --extra all --group dev -o requirements/dev.txt
	cp requirements/dev.txt requirements/engines.txt
	$(LOCK) --extra all --group dev --group engines -o requirements/engines.txt

# Repeated when the requirements change; the marker is written last, so that an interrupted set-up is repeated.
$(RUN): requirements/run.txt pyproject.toml
	$(call install,run)

$(DEV): requirements/dev.txt pyproject.toml
	$(call install,dev)

$(ENGINES): requirements/engines.txt pyproject.toml
	$(call install,engines)
	@touch $(DEV)

# $(1): the name of a file in requirements/
ifdef UV
define install
	@echo "Setting up $(VENV) with uv ..."
	@test -x $(BIN)/python || uv venv --quiet --python $(PYTHON) $(VENV)
	@uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements/$(1).txt
	@uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(VENV)/.$(1)
endef
else
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
define install
	@$(PYTHON) -c 'import sys; sys.exit("Seatrial needs Python 3.11 or newer; name one with PYTHON=") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) with pip ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --requirement requirements/$(1).txt
	@$(PIP) --no-deps --editable .
	@touch $(VENV)/.$(1)
endef
endif

clean:
	rm -rf titanic/.seatrial titanic/dist titanic/runs titanic/src/titanic_model/artifacts
