"""The doctor proposes names for `own`: they came from the project's index, are on it, or have its prefix."""

from pathlib import Path

from tests.projects.tiny import make_project, make_wheel

from seatrial.ci.doctor import examine
from seatrial.release import FolderIndex


def found(root: Path) -> list[tuple[int, str]]:
    return [(each.line, each.message) for each in examine(root) if each.check == "own-name"]


def test_names_that_may_be_the_projects_own_are_proposed_until_a_setting_says_so(tmp_path: Path) -> None:
    root = make_project(tmp_path / "tiny")
    assert found(root) == []
    settings = root / "pyproject.toml"
    text = settings.read_text()
    line = next(line for line in text.splitlines() if line.startswith("dependencies"))
    text = text.replace(line, 'dependencies = ["seatrial", "Tiny_Features>=1", "their.library", "numpy"]')
    settings.write_text(text)
    FolderIndex(root / ".seatrial" / "index").publish([make_wheel(tmp_path, "their-library", release=None)])
    (root / "deploy" / "local").mkdir(parents=True)
    lock = "# From the index team: tiny-model, deep-thing, seatrial\ntiny-model==0.1.0 --hash=sha256:0\n"
    (root / "deploy" / "local" / "requirements.txt").write_text(lock)
    number = text.splitlines().index('dependencies = ["seatrial", "Tiny_Features>=1", "their.library", "numpy"]') + 1
    rest = "but may be looked up on the public index."
    assert sorted(found(root)) == [
        (1, f"deep-thing came from the project's index, {rest}"),
        (number, f"their-library is on the project's index, {rest}"),
        (number, f"tiny-features has the project's prefix `tiny-`, {rest}"),
    ]
    own = '[tool.seatrial.index]\nown = ["tiny-*", "their-library"]\npublic = ["deep-thing"]\n'
    settings.write_text(f"{text}\n{own}")
    assert found(root) == []
