"""A file with any content, for tests that read tables."""

from pathlib import Path

import pytest
from tests.template.tables import WriteFile


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    def write(content: str | bytes, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
