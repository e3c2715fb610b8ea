"""Updates a project to a newer template or to other answers, and keeps what people have edited."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.template.merge import Merge, merge
from seatrial.template.render import ANSWERS, TEMPLATE, files_of, render
from seatrial.template.template_answers import schema_answers

# Earlier templates, one folder per version: rendering the one a project was made with shows what people have edited.
# Before a released template is changed, it is copied there, and `template` in its copier.yml is raised.
EARLIER = Path(__file__).parent / "earlier"
# Files meant to be edited; once edited, the template does not touch them.
EDITABLE = ("data/README.md", "tests/test_features.py")


@dataclass(frozen=True)
class Update:
    """What an update would change in a project."""

    before: str
    now: str
    merge: Merge


def update(root: Path, *, template: Path = TEMPLATE) -> Update:
    """Compute what the newest template changes in a project; `merge.write` writes it."""
    answers = read_answers(root)
    before, now = str(answers["template"]), version_of(template)
    if _order(before) > _order(now):
        raise SeatrialError(
            f"The project was made with template {before}, and this Seatrial has the older {now}.",
            hint="Update Seatrial first.",
        )
    return Update(before, now, _merged(root, answers, {**answers, "template": now}, before, template))


def change_answers(root: Path, changes: Mapping[str, Any]) -> Merge:
    """Compute what other answers change in a project, with the template that it was made with."""
    answers = read_answers(root)
    before = str(answers["template"])
    return _merged(root, answers, {**answers, **changes}, before, template_of(before))


def _merged(root: Path, old: dict[str, Any], new: dict[str, Any], before: str, template: Path) -> Merge:
    schema = root / "src" / str(new["package"]) / "schema.py"
    if schema.is_file():  # the README's table of columns follows it
        new |= schema_answers(schema.read_text(encoding="utf-8"), str(schema))
    with tempfile.TemporaryDirectory() as folder:
        renderings = []
        for name, answers, source in (("old", old, template_of(before, template)), ("new", new, template)):
            render(answers, Path(folder) / name, template=source)
            renderings.append(files_of(Path(folder) / name))
    for path in EDITABLE:
        if (root / path).is_file() and (root / path).read_bytes() != renderings[0].get(path):
            for files in renderings:
                files.pop(path, None)
    return merge(root, *renderings)


def read_answers(root: Path) -> dict[str, Any]:
    """Read the answers that a project was made with."""
    import yaml

    path = root / ANSWERS
    try:
        answers = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SeatrialError(
            f"{path} does not exist: the project was not made from the template.",
            hint="`seatrial adopt` adds what is missing, and writes this file.",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SeatrialError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    missing = [key for key in ("name", "package", "template") if not isinstance(answers, dict) or not answers.get(key)]
    if missing:
        raise SeatrialError(f"{path} has no `{missing[0]}`.", hint="Restore the file from git.")
    return dict(answers)


def version_of(template: Path) -> str:
    """The version that a template declares."""
    import yaml

    try:
        document = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
        return str(document["template"]["default"])
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise SeatrialError(f"{template} is not a Seatrial template: {error}") from None


def template_of(version: str, newest: Path = TEMPLATE) -> Path:
    """The folder of the template with a version."""
    for folder in (newest, TEMPLATE, EARLIER / version):
        if folder.is_dir() and version_of(folder) == version:
            return folder
    raise SeatrialError(
        f"The project was made with template {version}, which this Seatrial does not have.",
        hint="Update Seatrial first.",
    )


def _order(version: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        raise SeatrialError(f"{version!r} is not a template version.", hint=f"See `template` in {ANSWERS}.") from None
