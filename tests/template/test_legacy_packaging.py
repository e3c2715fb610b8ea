"""Metadata of repositories without a [project] table."""

from pathlib import Path

import pytest

from seatrial.template.legacy_packaging import older_project, poetry_project


@pytest.mark.parametrize(
    ("constraint", "requirement"),
    [
        ("^1.6", "x>=1.6,<2"),
        ("^0.3", "x>=0.3,<0.4"),
        ("^0.0.3", "x>=0.0.3,<0.0.4"),
        ("~1.2", "x>=1.2,<1.3"),
        ("~1", "x>=1,<2"),
        ("*", "x"),
        ("1.5", "x==1.5"),
        (">=1, <3", "x>=1,<3"),
    ],
)
def test_poetry_constraints(constraint: str, requirement: str) -> None:
    document = {"tool": {"poetry": {"name": "a", "dependencies": {"python": "^3.11", "x": constraint}}}}
    assert poetry_project(document) == {"name": "a", "requires-python": ">=3.11,<4", "dependencies": [requirement]}


def test_poetry_extras_and_paths() -> None:
    dependencies = {"x": {"version": "^1", "extras": ["fast"]}, "y": {"path": "../y"}, "z": ["1", "2"]}
    project = poetry_project({"tool": {"poetry": {"dependencies": dependencies}}})
    assert project == {"dependencies": ["x[fast]>=1,<2", "y"]}


def test_setup_py_is_parsed_and_never_run(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text(
        "import setuptools\nraise SystemExit\nsetuptools.setup(name='a', version=find(), install_requires=['x>=1', 'y'])\n"
    )
    assert older_project(tmp_path) == {"name": "a", "dependencies": ["x>=1", "y"]}


def test_setup_cfg_wins_over_setup_py(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup(name='old')\n")
    (tmp_path / "setup.cfg").write_text(
        "[metadata]\nname = new\nversion = attr: new.__version__\n\n[options]\ninstall_requires =\n    x>=1  # why\n"
    )
    assert older_project(tmp_path) == {"name": "new", "dependencies": ["x>=1"]}
