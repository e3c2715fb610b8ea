"""Takes a newer template, or other answers, into a project that was made by an older one."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.facts import schema_facts
from seatrial.template.merge import Merge, merge
from seatrial.template.render import ANSWERS, TEMPLATE, files_of, render

# Templates of earlier versions, one a folder by its version: what a project was rendered from, to tell what is a
# person's edit. Before a released template is changed, it is copied there, and `template` in its copier.yml is raised.
EARLIER = Path(__file__).parent / "earlier"
# Files that are there to be written by a person; once somebody has, the template leaves them alone.
THEIRS = ("data/README.md", "tests/test_features.py")


@dataclass(frozen=True)
class Update:
    """What an update is about to do to a project."""

    before: str
    now: str
    merge: Merge


def update(root: Path, *, template: Path = TEMPLATE) -> Update:
    """Work out what the newest template means for a project; `write` of merging does it."""
    answers = read_answers(root)
    before, now = str(answers["template"]), version_of(template)
    if _order(before) > _order(now):
        raise SeatrialError(
            f"The project was made by template {before}, and this Seatrial has {now}.", hint="Update Seatrial first."
        )
    return Update(before, now, _merged(root, answers, {**answers, "template": now}, before, template))


def change_answers(root: Path, changes: Mapping[str, Any]) -> Merge:
    """Work out what other answers mean for a project, with the template that it was made by."""
    answers = read_answers(root)
    before = str(answers["template"])
    return _merged(root, answers, {**answers, **changes}, before, template_of(before))


def _merged(root: Path, old: dict[str, Any], new: dict[str, Any], before: str, template: Path) -> Merge:
    new |= _facts_now(root, new)
    with tempfile.TemporaryDirectory() as folder:
        sides = []
        for name, answers, source in (("old", old, template_of(before, template)), ("new", new, template)):
            render(answers, Path(folder) / name, template=source)
            sides.append(files_of(Path(folder) / name))
    for path in THEIRS:
        if (root / path).is_file() and (root / path).read_bytes() != sides[0].get(path):
            for side in sides:
                side.pop(path, None)
    return merge(root, *sides)


def _facts_now(root: Path, answers: Mapping[str, Any]) -> dict[str, Any]:
    """What the README says of the columns, from the schema as it is now."""
    path = root / "src" / str(answers["package"]) / "schema.py"
    return schema_facts(path.read_text(encoding="utf-8"), str(path)).answers() if path.is_file() else {}


def read_answers(root: Path) -> dict[str, Any]:
    """Read what a project was made with."""
    import yaml

    path = root / ANSWERS
    try:
        answers = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SeatrialError(
            f"{path} does not exist: the project was not made by a template.",
            hint="`seatrial adopt` adds what is missing, and writes it.",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        said = " ".join(str(error).split())
        raise SeatrialError(f"{path} cannot be read: {said}") from None
    missing = [key for key in ("name", "package", "template") if not isinstance(answers, dict) or not answers.get(key)]
    if missing:
        raise SeatrialError(f"{path} has no `{missing[0]}`.", hint="git has the file as it was.")
    return dict(answers)


def version_of(template: Path) -> str:
    """The version that a template says it is."""
    import yaml

    try:
        document = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
        return str(document["template"]["default"])
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise SeatrialError(f"{template} is no template of Seatrial's: {error}") from None


def template_of(version: str, newest: Path = TEMPLATE) -> Path:
    """The folder of a template by its version."""
    for folder in (newest, TEMPLATE, EARLIER / version):
        if folder.is_dir() and version_of(folder) == version:
            return folder
    raise SeatrialError(
        f"The project was made by template {version}, which this Seatrial does not have.", hint="Update Seatrial first."
    )


def _order(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        raise SeatrialError(f"{version!r} is no version of a template.", hint=f"See `template` in {ANSWERS}.") from None
