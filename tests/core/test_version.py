"""The version in its line: read, raised, written, and recognized in a diff."""

from pathlib import Path

import pytest
from packaging.version import Version

from seatrial.core.errors import SeatrialError
from seatrial.core.version import next_version, read_version, version_in_diff, write_version


@pytest.mark.parametrize(
    ("old", "part", "new"),
    [
        ("0.1.0", "patch", "0.1.1"),
        ("0.1.9", "minor", "0.2.0"),
        ("0.1.9", "major", "1.0.0"),
        ("1.2", "patch", "1.2.1"),
        ("0.2.0rc1", "patch", "0.2.0"),
        ("0.2.0rc1", "minor", "0.2.0"),
        ("0.2.1.dev3", "minor", "0.3.0"),
        ("1.0.0a1", "major", "1.0.0"),
        ("0.1.0.post2", "patch", "0.1.1"),
        ("0.1.0+local", "patch", "0.1.1"),
        ("1!0.1.0", "patch", "1!0.1.1"),
    ],
)
def test_the_next_version(old: str, part: str, new: str):
    assert next_version(Version(old), part) == new
    assert Version(new) > Version(old)


@pytest.mark.parametrize(
    "text",
    [
        '"""A model."""\n__version__ = "{}"\n__all__ = ["__version__"]\n',
        "x = '0.1.0'\r\n__version__='{}'  # raised by a retrain, not 0.1.0\r\n",
        '"""Überleben: \u00e9."""; __version__ = "{}"',
    ],
)
def test_only_the_version_is_written(text: str, tmp_path: Path):
    file = tmp_path / "__init__.py"
    file.write_bytes(text.format("0.1.0").encode())
    file.chmod(0o755)
    write_version(file, "0.2.0")
    assert file.read_bytes() == text.format("0.2.0").encode()
    assert file.stat().st_mode & 0o777 == 0o755
    assert read_version(file) == "0.2.0"
    assert [path.name for path in tmp_path.iterdir()] == ["__init__.py"]


@pytest.mark.parametrize(
    "text",
    [
        "version = '0.1.0'\n",
        "__version__ = read()\n",
        "__version__ = 0.1\n",
        "__version__ = '0.1.0'\n__version__ = '0.2.0'\n",
        "__version__ = (\n'0.1'\n'.0')\n",
        "__version__ = '''0.1.0'''\n",
        "__version__ = r'0.1.0'\n",
    ],
)
def test_a_version_that_is_not_a_plain_line_is_not_changed(text: str, tmp_path: Path):
    file = tmp_path / "__init__.py"
    file.write_text(text)
    with pytest.raises(SeatrialError, match="needs one line `__version__ ="):
        write_version(file, "0.2.0")
    assert file.read_text() == text


HEAD = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n"


@pytest.mark.parametrize(
    ("diff", "version"),
    [
        (HEAD + '@@ -4 +4 @@ x\n-__version__ = "0.1.0"\n+__version__ = "0.1.1"\n', "0.1.1"),
        (HEAD + '@@ -4 +4 @@\n-__version__ = "0.1.0"\r\n+__version__ = "0.1.1"\r\n', "0.1.1"),
        (HEAD + '@@ -4 +4 @@\n-__version__ = "0.1.0"\n\\ No newline at end of file\n+__version__ = "0.1.1"\n', "0.1.1"),
        (HEAD + '@@ -4,0 +5 @@\n+__version__ = "0.1.1"\n', None),
        (HEAD + '@@ -4 +4,2 @@\n-__version__ = "0.1.0"\n+__version__ = "0.1.1"\n+import os\n', None),
        (HEAD + '@@ -4 +4 @@\n-__version__ = "0.1.0"\n+__version__ = "0.1.1"; import os\n', None),
        (HEAD + '@@ -1 +1 @@\n-a\n+b\n@@ -4 +4 @@\n-__version__ = "0.1.0"\n+__version__ = "0.1.1"\n', None),
        ("diff --git a/x b/x\nold mode 100644\nnew mode 100755\n" + HEAD + "@@ -1 +1 @@\n-a\n+b\n", None),
        ("", None),
        ("Binary files a/x and b/x differ\n", None),
    ],
)
def test_a_diff_of_only_the_version_is_recognized(diff: str, version: str | None):
    assert version_in_diff(diff) == version
