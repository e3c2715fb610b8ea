"""Whatever a folder, an index or a branch is called, a pipeline file is valid and runs nothing but its own commands."""

import shlex
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import copy_titanic
from tests.hostile_words import WORDS

from seatrial.ci import SERVICES, render
from seatrial.ci.pipeline_settings import CiPipeline, read_pipeline
from seatrial.ci.repository import Repository
from seatrial.core.errors import SeatrialError
from seatrial.core.project import find_project

NAMED = [word for word in WORDS if word.isprintable() and word.strip(" .") and len(word) < 200]
WORST = ["$(touch X)", "a: b # c", "both ' and \""]
# What each service makes of its own marks, which are escaped in what is written for it.
MARKS = {"circleci": ("\\<<", "<<"), "github": ("${{ '${{' }}", "${{"), "gitlab": ("", "")}
WHERE = {"circleci": "~/project/models/{}", "github": "models/{}", "gitlab": "models/{}/requirements/ci.txt"}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> CiPipeline:
    settings = read_pipeline(find_project(copy_titanic(tmp_path_factory.mktemp("project") / "titanic")))
    return replace(settings, lock="requirements/ci.txt", index_folder=None)


def texts(provider: str, top: Path, *projects: CiPipeline) -> list[str]:
    """All texts of a pipeline file, as the service reads them."""
    (text,) = render(Repository(top, projects), provider).values()
    return list(strings(yaml.load(text, yaml.CSafeLoader), MARKS[provider]))


def strings(part: Any, mark: tuple[str, str]) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (text for item in part.items() for each in item for text in strings(each, mark))
    elif isinstance(part, list):
        yield from (text for each in part for text in strings(each, mark))
    elif isinstance(part, str):
        yield part.replace(*mark) if mark[0] else part


def arguments(lines: Iterable[str], folder: Path) -> list[str]:
    """The words of shell commands, as bash splits them in an empty folder, which must stay empty."""
    script = "".join(f"printf '%s\\0' {line}\n" for line in lines)
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, check=True)
    assert list(folder.iterdir()) == []
    return done.stdout.decode("utf-8", "surrogatepass").split("\0")[:-1]


@pytest.mark.parametrize("provider", SERVICES)
def test_folders_of_any_name_are_only_folders(provider: str, pipeline: CiPipeline, tmp_path: Path) -> None:
    several = [replace(pipeline, key=f"p{n}", folder=f"models/{word}") for n, word in enumerate(NAMED)]
    found = {word for text in texts(provider, tmp_path, *several) for word in (text, *words_in(text))}
    for word in WORST:
        found |= {
            w for t in texts(provider, tmp_path, replace(pipeline, folder=f"models/{word}")) for w in (t, *words_in(t))
        }
        assert WHERE[provider].format(word) in found
    assert [word for word in NAMED if WHERE[provider].format(word) not in found] == []


def words_in(text: str) -> list[str]:
    return shlex.split(text) if text.startswith("python -m pip") else []


def test_gitlab_changes_into_the_folder_and_executes_nothing(pipeline: CiPipeline, tmp_path: Path) -> None:
    several = [replace(pipeline, key=f"p{n}", folder=f"models/{word}") for n, word in enumerate(NAMED)]
    commands = [text for text in texts("gitlab", tmp_path, *several) if text.startswith("cd ")]
    assert set(arguments((c.removeprefix("cd ") for c in commands), tmp_path)) == {f"models/{word}" for word in NAMED}


@pytest.mark.parametrize("provider", SERVICES)
def test_names_of_settings_are_only_names(provider: str, pipeline: CiPipeline, tmp_path: Path) -> None:
    """The settings are checked where they are read; this is the second line of defence."""
    words = [word for word in WORDS if word and len(word) < 200]
    several = [
        replace(
            pipeline,
            key=f"p{n}",
            index=word,
            branch=word,
            target=word,
            python=word,
            schedule=word,
            index_folder="x" + word,
        )
        for n, word in enumerate(words)
    ]
    read = texts(provider, tmp_path, *several)
    tried = arguments((t.partition(" trial ")[2] for t in read if "seatrial trial --index" in t), tmp_path)
    assert tried == [part for word in words for part in ("--index", word.replace("\0", ""))]
    deployed = [t.partition(" deploy ")[2] for t in read if "seatrial deploy " in t]
    assert arguments(deployed, tmp_path)[::6] == [word.replace("\0", "") for word in words]


def test_the_keys_of_several_projects_are_texts(pipeline: CiPipeline, tmp_path: Path) -> None:
    keys = ("no", "null", "y", "1e3")
    several = [replace(pipeline, key=key, name=key, folder=key) for key in keys]
    (text,) = render(Repository(tmp_path, tuple(several)), "github").values()
    assert list(yaml.safe_load(text)["jobs"]["changed"]["outputs"]) == list(keys)


def test_a_folder_with_a_line_break_is_refused(tmp_path: Path) -> None:
    project = find_project(copy_titanic(tmp_path / "models\nx" / "titanic"))
    settings = project.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace('repository = "."', 'repository = "../.."'))
    with pytest.raises(SeatrialError, match="a character that no pipeline can name"):
        render(find_project(project.root), "github")


@pytest.mark.parametrize("name", ["x$(touch X)", 'a"b', "a\nb", "1-2", "-x", "a b", ""])
def test_a_name_that_no_package_can_have_is_refused(name: str, tmp_path: Path) -> None:
    root = copy_titanic(tmp_path / "titanic")
    settings = root / "pyproject.toml"
    text = settings.read_text().replace('name = "titanic-model"', f"name = {yaml.dump(name, default_style=chr(34))}", 1)
    settings.write_text(text)
    assert tomllib.loads(text)["project"]["name"] == name
    with pytest.raises(SeatrialError, match="cannot be the name of a model package"):
        find_project(root)
