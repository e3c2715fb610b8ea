"""Names that are a project's own: by its settings, by its lockfiles, and what does not move between indexes."""

from pathlib import Path

import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.index_settings import choose_index, read_index_settings
from seatrial.core.own_names import OwnNames, origin_line, origins

ROOT = Path("/p")
LOCKFILE = """# Deployment 1 of a-model 0.1.0 (a_model) to local.
# From the index team: a-model, Their_Utils
a-model==0.1.0 --hash=sha256:0
their-utils==1.0 --hash=sha256:0
numpy==2.0 --hash=sha256:0
pydantic[email]==2.0 \\
    --hash=sha256:0
"""


def names(*own: str, public: tuple[str, ...] = ()) -> OwnNames:
    return read_index_settings({"own": list(own), "public": list(public), "team": "folder"}, ROOT, "here")[0].names


@pytest.mark.parametrize(
    ("pattern", "owned", "others"),
    [
        ("acme-*", ["acme-utils", "acme-a-b"], ["acme", "acmeutils", "not-acme-utils"]),
        ("Acme_.*", ["acme-utils"], ["acme"]),
        ("acme*", ["acme", "acmeutils"], ["ac"]),
        ("Secret_Sauce", ["secret-sauce"], ["secret-sauce-two"]),
    ],
)
def test_names_and_prefixes_are_canonical(pattern: str, owned: list[str], others: list[str]) -> None:
    assert [name for name in [*owned, *others] if names(pattern).owns(name)] == owned


def test_an_exception_is_public_and_the_toolkit_is_wherever_it_is() -> None:
    own = names("acme-*", "seatrial", public=("Acme.Open",))
    assert not own.owns("acme-open")
    assert not own.owns("seatrial")
    own.refuse_public("acme-open", "here")
    with pytest.raises(SeatrialError, match="here has no acme-utils, which is one of the project's own names"):
        own.refuse_public("acme-utils", "here")


@pytest.mark.parametrize("value", ["*", "", "-x*", "a*b", "acme >=1", 3, "a/b"])
def test_anything_else_is_an_error(value: object) -> None:
    with pytest.raises(SeatrialError, match=r"here: .tool.seatrial.index. own has .*, which is not a name or a prefix"):
        read_index_settings({"own": [value], "team": "folder"}, ROOT, "here")


def test_every_index_of_the_project_has_them() -> None:
    indexes = read_index_settings({"own": ["acme-*"], "team": "folder", "other": "elsewhere"}, ROOT, "here")
    chosen = [*indexes, choose_index(indexes, "other"), choose_index(indexes, "https://i.example/simple/")]
    assert all(each.names.owns("acme-x") for each in chosen)
    (alone,) = read_index_settings({"own": ["acme-*"]}, ROOT, "here")
    assert alone.folder == ROOT / ".seatrial/index"
    (named,) = read_index_settings({"own": "folder"}, ROOT, "here")  # an index may be called so
    assert named.name == "own"


def test_a_name_does_not_move_from_one_index_to_the_other(tmp_path: Path) -> None:
    (tmp_path / "deploy" / "local").mkdir(parents=True)
    (tmp_path / "deploy" / "local" / "requirements.txt").write_text(LOCKFILE)
    known = OwnNames().of_project("A.Model", tmp_path)
    assert [name for name in ("a-model", "their-utils", "numpy", "new") if known.owns(name)] == [
        "a-model",
        "their-utils",
    ]
    with pytest.raises(SeatrialError, match="team has no their-utils, which came from there before"):
        known.refuse_public("their-utils", "team")
    for name in ("numpy", "pydantic"):
        with pytest.raises(SeatrialError, match=f"team now has {name}, which came from the public index before"):
            known.refuse_moved(name, "team")
    known.refuse_moved("new", "team")
    accepted = names("numpy", public=("their-utils",)).of_project("a-model", tmp_path)
    accepted.refuse_moved("numpy", "team")
    accepted.refuse_public("their-utils", "team")


def test_a_lockfile_of_an_earlier_version_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "deploy" / "local").mkdir(parents=True)
    text = "".join(line for line in LOCKFILE.splitlines(keepends=True) if "From" not in line)
    (tmp_path / "deploy" / "local" / "requirements.txt").write_text(text)
    assert OwnNames().of_project("a-model", tmp_path) == OwnNames(own=("a-model",))
    assert origins(text) is None
    for index in ("team", "the team's: index\n# one"):
        assert origins(origin_line(index, ["a-model", "b"])) == {"a-model", "b"}
        assert origin_line(index, ["a-model"]).count("\n") == 1
