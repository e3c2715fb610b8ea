"""The lint of our own: one public class name in one module only, and no file name in more than two folders."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "seatrial"
TEMPLATES = "project"  # what `seatrial new` renders; its files are named by the project that they end up in
SHARED_STEMS = {"__init__", "__main__"}
MOST_FOLDERS = 2


def modules(root: Path) -> Iterator[Path]:
    """Yield the Python files below `root` that are part of the package."""
    for path in sorted(root.rglob("*.py")):
        if TEMPLATES not in path.relative_to(root).parts:
            yield path


def repeated_classes(root: Path) -> dict[str, list[str]]:
    """Map each public class name that more than one module defines to those modules."""
    homes: dict[str, list[str]] = defaultdict(list)
    for path in modules(root):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(path.relative_to(root).as_posix())
    return {name: found for name, found in homes.items() if len(found) > 1}


def repeated_stems(root: Path) -> dict[str, list[str]]:
    """Map each file stem that is used in more than two folders to those folders."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in modules(root):
        if path.stem not in SHARED_STEMS:
            folders[path.stem].append(path.parent.relative_to(root).as_posix())
    return {stem: found for stem, found in folders.items() if len(found) > MOST_FOLDERS}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return root


def test_a_public_class_name_is_used_in_one_module() -> None:
    assert repeated_classes(SOURCE) == {}


def test_a_file_name_is_used_in_two_folders_at_most() -> None:
    assert repeated_stems(SOURCE) == {}


def test_a_repeated_class_name_is_reported(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "trial/records.py": "class Verdict: ...\nclass _Row: ...\n",
            "train/summary.py": "class Verdict: ...\nclass _Row: ...\nclass Summary: ...\n",
        },
    )
    assert repeated_classes(root) == {"Verdict": ["train/summary.py", "trial/records.py"]}


@pytest.mark.parametrize(("folders", "reported"), [(2, {}), (3, {"rows": ["a", "b", "c"]})])
def test_a_file_name_in_a_third_folder_is_reported(
    tmp_path: Path, folders: int, reported: dict[str, list[str]]
) -> None:
    names = "abc"[:folders]
    root = write(tmp_path, {f"{folder}/{stem}.py": "" for folder in names for stem in ("rows", "__init__")})
    assert repeated_stems(root) == reported
