"""Each file here needs one library, which is optional: where it cannot be imported, its tests are left out."""

import importlib
from typing import Any

import pytest


def library(name: str) -> Any:
    """Import a library, or leave out the file's tests. LightGBM's wheel raises OSError where the system has no OpenMP."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        pytest.skip(f"{name} cannot be imported: {error}", allow_module_level=True)
