"""Which pages the tests follow, in which order, and what they skip, each with the reason."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PROJECT_README = "titanic/README.md"
# Pages of which every block is run or listed below. The others (architecture, evidence, reference) have no commands.
GUIDES = ("start.md", "models.md", "trial.md", "deploying.md", "projects.md")

# Commands that serve until they are stopped: started in the background; the walk continues when the port answers.
SERVERS = ("seatrial serve", "seatrial demo", "seatrial index serve", "make demo")

_PYPI = (
    "Seatrial is not on PyPI yet; tests/release/test_installing.py installs a release and the toolkit with pip and uv"
)
_DOCKER = (
    "there is no Docker engine; `python -m tests.deploy.containers` builds and runs the image with buildah and podman"
)
_RAILWAY = "it needs an account; tests/deploy/test_railway.py uses a fake command line"
_SETUP = "it downloads everything again; `make setup` takes the same steps, and every CI run begins with it"

# Commands that cannot be run here, by (page, command): why, and what tests it instead.
NOT_RUN: dict[tuple[str, str], str] = {
    ("README.md", "python -m venv .venv"): _SETUP,
    ("README.md", ".venv/bin/python -m pip install --require-hashes -r requirements/run.txt"): _SETUP,
    ("README.md", ".venv/bin/python -m pip install --no-deps -e ."): _SETUP,
    ("README.md", ".venv/bin/seatrial demo --project titanic"): "it is what `make demo` does",
    (
        "README.md",
        "pip install --no-deps --index-url file://$PWD/titanic/.seatrial/index/simple titanic-model seatrial",
    ): _PYPI,
    ("README.md", "pip install titanic-model seatrial"): _PYPI,
    (
        "README.md",
        'python -c "import titanic_model; print(titanic_model.predict('
        "[{'pclass': 1, 'name': 'Bukater, Miss. Rose', 'sex': 'female'}]))\"",
    ): _PYPI,
    ("README.md", "titanic-model predict passengers.csv > predictions.csv"): _PYPI,
    (PROJECT_README, "python -m venv .venv"): _PYPI,
    (
        PROJECT_README,
        '.venv/bin/python -m pip install "seatrial[all]>=0.1,<0.2" mypy pytest ruff',
    ): _PYPI,
    (PROJECT_README, "seatrial deploy docker"): _DOCKER,
    (PROJECT_README, "seatrial deploy railway"): _RAILWAY,
    (
        "projects.md",
        "seatrial adopt --data data/customers.csv --target churned --pipeline churn.model:make_pipeline",
    ): "there is no such repository here; tests/template/test_adopt.py makes some",
    (
        "scoring-files.md",
        "seatrial predict - --format jsonl < rows.jsonl > answers.jsonl",
    ): "the shell of the walk has no standard input; tests/steps/test_predict.py sends every format to it",
    ("start.md", "python -m venv .venv"): _PYPI,
    ("start.md", ". .venv/bin/activate"): _PYPI,
    ("start.md", 'pip install "seatrial[all]"'): _PYPI,
    (
        "tuning.md",
        "seatrial runs export --mlflow http://127.0.0.1:5000",
    ): "no such server runs here; tests/train/history/test_mlflow_export.py starts one",
    ("deploying.md", "pip install --no-deps --index-url https://index.example/simple/ churn-model"): _PYPI,
    ("deploying.md", "pip install churn-model"): _PYPI,
    (
        "deploying.md",
        "seatrial index serve --folder /srv/index --host 0.0.0.0 --certificate tls.pem --key tls.key",
    ): "nothing here listens on all addresses; tests/cli/test_index.py serves with a certificate",
    ("deploying.md", "seatrial deploy docker"): _DOCKER,
    ("deploying.md", "docker build --secret id=pip_extra_index_url,src=FILE -t churn-model deploy/docker"): _DOCKER,
    (
        "deploying.md",
        "docker build --build-arg PIP_EXTRA_INDEX_URL=https://TOKEN@HOST/ -t churn-model deploy/docker",
    ): _DOCKER,
    (
        "deploying.md",
        'docker run -p 8001:8001 -e PORT=8001 -e SEATRIAL_KEYS="$(cat .seatrial/keys.json)" churn-model',
    ): _DOCKER,
    (
        "deploying.md",
        'curl -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" -d @row.json '
        "https://model.example.com/api/v1/predict",
    ): "no such server exists; tests/serve/test_access.py sends keys",
    (
        "deploying.md",
        'curl -H "X-API-Key: $KEY" https://model.example.com/api/v1/model',
    ): "no such server exists; tests/serve/test_access.py sends keys",
    (
        "deploying.md",
        "kubectl create secret generic churn-model-keys --from-file .seatrial/keys.json",
    ): "there is no cluster; tests/deploy/test_service_keys.py checks where pods get them from",
    ("deploying.md", "npm install --global @railway/cli"): _RAILWAY,
    ("deploying.md", "export RAILWAY_TOKEN=..."): _RAILWAY,
    ("deploying.md", "seatrial deploy railway"): _RAILWAY,
    (
        "deploying.md",
        "seatrial deploy kubernetes",
    ): "there is no cluster; tests/deploy/test_kubernetes.py validates what is applied, and uses a fake kubectl",
    (
        "deploying.md",
        "seatrial deploy docker --pin-base",
    ): "it asks a registry; tests/deploy/test_base_images.py runs one",
    (
        "deploying.md",
        "seatrial deploy kubernetes --render-admission ca.pem > admission.yaml",
    ): "there is no cluster; tests/deploy/test_kubernetes.py validates it, test_admission_server.py asks the webhook",
    (
        "deploying.md",
        "seatrial ci lock",
    ): "Seatrial is not on PyPI yet; tests/ci/test_pipeline.py pins from its own index",
}

# Sections that take long: `make soak` runs them; `make test` runs the rest of their page.
LONG: dict[tuple[str, str], str] = {
    ("start.md", "Next month"): "a second training and trial, half a minute",
    ("start.md", "Take it back"): "it continues from there",
    ("deploying.md", "A shared index"): "another trial, fifteen seconds",
    ("trial.md", "Compare any two"): "another trial, fifteen seconds",
    ("trial.md", "As a test"): "another trial, fifteen seconds",
    ("trial.md", "Is the gate any good?"): "some ninety faults",
}


@dataclass(frozen=True)
class Page:
    """A page to follow: its path, and its name in the lists above."""

    path: Path
    name: str


def guide(name: str) -> Page:
    return Page(DOCS / name, name)


README = Page(ROOT / "README.md", "README.md")
RENDERED = Page(ROOT / "titanic" / "README.md", PROJECT_README)  # a test checks that the template renders it
DOORS = guide("doors.md")  # tests/docs/test_doors.py follows it
MONITORING = guide("monitoring.md")  # tests/docs/test_monitoring_page.py follows it
TUNING = guide("tuning.md")  # tests/docs/test_tuning_page.py follows it
EXACT = guide("exact.md")  # tests/docs/test_exact_page.py follows it
REMOTE_TABLES = guide("remote-tables.md")  # tests/docs/test_remote_tables_page.py follows it
SCORING = guide("scoring-files.md")  # tests/docs/test_scoring_files_page.py follows it
AFTER_RELEASE = guide("after-release.md")  # tests/docs/test_after_release_page.py follows it
ALL = (README, RENDERED, AFTER_RELEASE, DOORS, MONITORING, TUNING, EXACT, REMOTE_TABLES, SCORING, *map(guide, GUIDES))
