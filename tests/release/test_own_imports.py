"""A module that the package imports and that the wheel would lack is named before anything else fails."""

from pathlib import Path

import pytest

from seatrial.release.own_imports import missing_module

MODULES = {
    "model/__init__.py": "from model.schema import Row\nVERSION = 1\n",
    "model/schema.py": "from . import VERSION\nRow = VERSION\n",
    "model/features/__init__.py": "",
    "model/sums/adding.py": "from ..schema import Row\nimport model.sums\n",
    "model/pipeline.py": "import numpy.linalg\nfrom model import schema, VERSION\nfrom model.sums import adding\n",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name, text in MODULES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_complete_package_lacks_nothing(source: Path) -> None:
    assert missing_module(source, "model", MODULES) == ""


@pytest.mark.parametrize(
    ("lacking", "where"),
    [
        ("model/schema.py", "src/model/schema.py is missing"),
        ("model/features/__init__.py", "src/model/features.py is missing"),
        ("model/pipeline.py", "src/model/pipeline.py is missing"),
        ("model/sums/adding.py", "src/model/pipeline.py, line 3, imports model.sums"),
    ],
)
@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "not shipped"])
def test_a_missing_module_is_named_with_the_line(source: Path, lacking: str, where: str, deleted: bool) -> None:
    if deleted:
        (source / lacking).unlink()
    assert missing_module(source, "model", {*MODULES} - {lacking}).startswith(where)


@pytest.mark.parametrize(
    "text",
    [
        "def later():\n    from model import helpers\n",
        "def later():\n    import model.helpers\n",
        "from .helpers import *\n",
        "from . import helpers as other\n",
        "if True:\n    import model.helpers.deep as deep\n",
    ],
)
def test_it_is_found_however_it_is_imported(source: Path, text: str) -> None:
    (source / "model" / "pipeline.py").write_text(text)
    assert "imports model.helpers" in missing_module(source, "model", MODULES)
    (source / "model" / "helpers.py").touch()
    assert "imports model.helpers" in missing_module(source, "model", MODULES), "it is there, and not shipped"


@pytest.mark.parametrize(
    "text",
    ["try:\n    import model.fast\nexcept ImportError:\n    pass\n", "import models.other\n", "from model import *\n"],
)
def test_what_may_be_missing_is_not_named(source: Path, text: str) -> None:
    (source / "model" / "pipeline.py").write_text(text)
    assert missing_module(source, "model", MODULES) == ""
