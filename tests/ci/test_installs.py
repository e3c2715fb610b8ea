"""pip and uv have flags, variables and remedies of their own."""

from pathlib import Path

import pytest
from tests.ci.trees import GITLAB, diagnosed, examine

PRIVATE = "https://index.example/simple"
HASHED = "model==1.0 \\\n    --hash=sha256:00\nnumpy==2.0 --hash=sha256:11\n"
FILES = {
    "m/hashed.txt": HASHED,
    "m/half.txt": HASHED + "scipy==1.0\n",
    "m/open.txt": "model==1.0\n",
    "m/uv.lock": "version = 1\n",
}
PIP, UV = "or the model alone from the private index by --no-deps --index-url", "Use `uv pip install --require-hashes`"

# Commands in the folder m, and a part of the hint; "" where there is nothing to fix.
HINTS = {
    f"pip install --extra-index-url {PRIVATE} model": PIP,
    f"python3 -m pip install --extra-index-url={PRIVATE} -r open.txt": PIP,
    f"pip install --extra-index-url {PRIVATE} -r hashed.txt": PIP,  # the file has hashes, and nothing demands them
    f"pip install --extra-index-url {PRIVATE} --require-hashes -r hashed.txt": "",
    f"pip install --extra-index-url {PRIVATE} -r hashed.txt model": PIP,
    f"pip install --extra-index-url {PRIVATE} --require-hashes -r open.txt": "",
    f"pip install --index-url {PRIVATE} model": "",
    f"pip install --no-index --extra-index-url {PRIVATE} model": "",
    f"pip install --extra-index-url {PRIVATE} -r nowhere.txt": PIP,
    f"pip download --extra-index-url {PRIVATE} model": "",
    f"uv pip install --index {PRIVATE} model": UV,
    f"uv pip install --extra-index-url {PRIVATE} -r half.txt": UV,
    f"uv pip install --extra-index-url {PRIVATE} -r hashed.txt": UV,
    f"uv pip sync --index={PRIVATE} hashed.txt --require-hashes": "",
    f"uv pip install --default-index {PRIVATE} model": "",
    f"uv pip install --index-url {PRIVATE} model": "",
    f"uv pip install --index-strategy unsafe-best-match --default-index {PRIVATE} model": UV,
    "uv pip install --index-strategy first-index model": "",
    f"uv tool install --index {PRIVATE} model": UV,
    f"uv tool install --default-index {PRIVATE} model": "",
    f"uv add --index {PRIVATE} model": UV,
    f"uv sync --index {PRIVATE}": "",  # uv.lock has the hashes
    "pip install --index-url x model -- --extra-index-url": PIP,
}


def test_two_indexes_are_found_with_the_hint_of_the_tool(tmp_path: Path):
    for command, hint in HINTS.items():
        diagnosed(tmp_path, {**FILES, GITLAB: f"job:\n  script:\n    - cd m\n    - '{command}'\n"})
        hints = [each.hint for each in examine(tmp_path) if each.check == "two-indexes"]
        assert (len(hints) == 1 and hint in hints[0]) if hint else hints == [], (command, hints)


@pytest.mark.parametrize(
    ("variable", "command", "found"),
    [
        ("PIP_EXTRA_INDEX_URL", "pip install model", True),
        ("PIP_EXTRA_INDEX_URL", "uv pip install model", False),  # uv does not read it
        ("PIP_EXTRA_INDEX_URL", "pip install --require-hashes -r m/hashed.txt", False),
        ("UV_INDEX", "uv pip install model", True),
        ("UV_EXTRA_INDEX_URL", "uv tool install model", True),
        ("UV_INDEX", "pip install model", False),
        ("UV_DEFAULT_INDEX", "uv pip install model", False),
        ("PIP_INDEX_URL", "pip install model", False),
    ],
)
def test_a_variable_counts_for_the_tool_that_reads_it(variable: str, command: str, found: bool, tmp_path: Path):
    text = f"variables:\n  {variable}: $ADDRESS\njob:\n  script: [{command}]\n"
    assert (("two-indexes", f"{variable}: $ADDRESS") in diagnosed(tmp_path, {**FILES, GITLAB: text})) is found


def test_a_variable_is_only_found_where_it_is_set(tmp_path: Path):
    job = "job:\n  script: [pip install model, 'echo $PIP_EXTRA_INDEX_URL', '{}']\n"
    set_ = "variables:\n  PIP_EXTRA_INDEX_URL: $ADDRESS\n"
    assert diagnosed(tmp_path, {GITLAB: job.format("docker build --build-arg PIP_EXTRA_INDEX_URL=x .")}) == []
    assert len(diagnosed(tmp_path, {GITLAB: set_ + job.format("echo")})) == 1
    strategy = "variables:\n  UV_INDEX_STRATEGY: unsafe-best-match\njob:\n  script: [uv pip install model]\n"
    assert [check for check, _ in diagnosed(tmp_path, {GITLAB: strategy})] == ["two-indexes"]


IMAGE = "FROM python:3.11-slim\n"
DOCKERFILES = {
    "RUN uv pip install --system model": UV,
    "RUN uv tool install ruff": UV,
    "RUN uv sync --locked": "",
    "RUN uv pip install --require-hashes -r pin.txt": "",
    'RUN ["pip", "install", "model"]': "Install with --require-hashes",
    "RUN --mount=type=cache,target=/x pip install \\\n  # why\n  model": "Install with --require-hashes",
    "RUN pip install --no-deps model.whl": "",
    "RUN pip install --no-index --find-links . model": "",
    "COPY <<EOF /notes\npip install model\nEOF": "",
    "RUN cat <<EOF > notes\npip install model\nEOF": "",
}


def test_images_that_install_without_pins_are_found_with_the_hint_of_the_tool(tmp_path: Path):
    for text, hint in DOCKERFILES.items():
        diagnosed(tmp_path, {"Dockerfile": IMAGE + text + "\n"})
        found = examine(tmp_path)
        assert [each.check for each in found] == ["unhashed-install"] * bool(hint), text
        assert all(hint in each.hint for each in found)
