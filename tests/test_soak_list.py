"""`make soak` names every file that has a soak test or repeats more often there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
MARK = re.compile(r"^\s*@?(pytestmark = .*|.*marks=)?pytest\.mark\.soak\b|^from tests\.soak import", re.MULTILINE)


def unlisted(makefile: str, tests: Path) -> list[str]:
    """Return the test files with a soak test that neither the recipe of `soak` nor a folder in it names."""
    (recipe,) = re.findall(r"^soak:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    listed = {word.partition("::")[0] for word in recipe.split()}
    found = []
    for path in sorted(tests.rglob("test_*.py")):
        names = [path.relative_to(tests.parent), *path.relative_to(tests.parent).parents]
        if MARK.search(path.read_text("utf-8")) and not listed & {name.as_posix() for name in names}:
            found.append(names[0].as_posix())
    return found


def test_every_soak_test_is_in_the_list() -> None:
    assert unlisted((ROOT / "Makefile").read_text("utf-8"), ROOT / "tests") == []


def test_a_soak_test_that_is_in_no_list_is_found(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    for name in ("a/test_named.py", "b/test_in_folder.py", "c/test_forgotten.py"):
        (tests / name).parent.mkdir(parents=True)
        (tests / name).write_text("@pytest.mark.soak\ndef test_long(): ...\n")
    (tests / "test_short.py").write_text("def test_short(): ...\n")
    recipe = "soak: setup\n\tpytest \\\n\t\ttests/a/test_named.py::test_long tests/b\n\nother:\n\ttests/c/test_forgotten.py\n"
    assert unlisted(recipe, tests) == ["tests/c/test_forgotten.py"]
