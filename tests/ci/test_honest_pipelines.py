"""Pipelines that a careful person wrote by hand: the doctor and the linters find no fault in them."""

from pathlib import Path

import pytest
from tests.ci.trees import CIRCLE, GITLAB, WORKFLOW

from seatrial.ci.doctor import examine

CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0"
SETUP = "actions/setup-python@e797f83bcb11b83ae66e0230d6156d7c80228e7c # v6.0.0"
STEPS = f"""
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - uses: {SETUP}
        with: {{python-version: "3.11"}}
      - run: pip install --require-hashes -r requirements/ci.txt"""

HONEST = {
    "github, one job after the other": (
        WORKFLOW,
        f"""name: ci
on:
  push: {{branches: [main]}}
  pull_request:
permissions: {{contents: read}}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:{STEPS}
      - run: ruff check .
      - run: python -m pytest tests
  trial:
    needs: test
    runs-on: ubuntu-latest
    steps:{STEPS}
      - run: |
          seatrial train
          seatrial build
          seatrial trial
  release:
    needs: [test, trial]
    if: github.ref == 'refs/heads/main' && github.event_name == 'push'
    runs-on: ubuntu-latest
    environment: production
    steps:{STEPS}
      - run: seatrial publish
        env:
          INDEX_TOKEN: ${{{{ secrets.INDEX_TOKEN }}}}
      - run: seatrial deploy docker
""",
    ),
    "github, a release by tag in one job": (
        WORKFLOW,
        f"""name: release
on:
  push: {{tags: ["v*"]}}
permissions: {{contents: read}}
jobs:
  release:
    runs-on: ubuntu-latest
    environment: production
    steps:{STEPS}
      - run: make data
      - run: python -m pytest -m "not slow" --junitxml=reports/pytest.xml
      - name: Trial
        run: seatrial build && seatrial trial
      - run: seatrial publish
      - run: railway up --detach
        env:
          RAILWAY_TOKEN: ${{{{ secrets.RAILWAY_TOKEN }}}}
""",
    ),
    "circleci": (
        CIRCLE,
        """version: 2.1
executors:
  python: {docker: [{image: "cimg/python:3.11"}]}
commands:
  install:
    steps:
      - checkout
      - run: pip install --require-hashes -r requirements/ci.txt
jobs:
  test:
    executor: python
    steps:
      - install
      - run: {name: Tests, command: pytest tests}
      - store_test_results: {path: reports}
  trial:
    executor: python
    steps:
      - install
      - run: seatrial train && seatrial build
      - run:
          name: Trial
          command: |
            set -euo pipefail
            seatrial trial | tee trial.log
      - store_artifacts: {path: trial.log}
  release:
    executor: python
    steps:
      - install
      - run: curl --fail-with-body -F "package=@dist/titanic.whl" "https://$TOKEN@push.fury.io/acme/"
      - run: railway up --detach
workflows:
  main:
    jobs:
      - test
      - trial: {requires: [test]}
      - hold: {type: approval, requires: [trial]}
      - release:
          requires: [hold]
          filters: {branches: {only: [main, /release-.*/]}}
""",
    ),
    "gitlab, by stages": (
        GITLAB,
        """stages: [test, trial, deploy]
default:
  image: python:3.11
  before_script:
    - pip install --require-hashes -r requirements/ci.txt
tests:
  stage: test
  script:
    - ruff check .
    - pytest tests
trial:
  stage: trial
  script:
    - seatrial train
    - seatrial build
    - seatrial trial
deploy:
  stage: deploy
  environment: production
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  script:
    - seatrial publish
    - seatrial deploy docker
""",
    ),
    "gitlab, by needs and templates": (
        GITLAB,
        """.python: &python
  image: python:3.11
.release:
  rules:
    - if: $CI_COMMIT_BRANCH != "main"
      when: never
    - when: on_success
unit-test:
  <<: *python
  script:
    - cd titanic && python -m pytest tests
    - npm test || exit 1
trial:
  <<: *python
  script: [make trial]
publish:
  extends: .release
  needs: [unit-test, trial]
  script:
    - uv publish
kubernetes:
  extends: .release
  stage: deploy
  needs: [publish]
  script:
    - kubectl apply -f deploy/kubernetes
""",
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_pipeline_has_no_fault(name: str, tmp_path: Path):
    path, text = HONEST[name]
    for file, content in {
        path: text,
        "tests/test_model.py": "def test_model(): ...\n",
        "requirements/ci.txt": "seatrial==0.1.0 --hash=sha256:00\n",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(content)
    assert [finding for finding in examine(tmp_path) if finding.is_fault] == []
