"""A build whose backend fails: what the error says."""

import subprocess
from pathlib import Path
from typing import Any

import build
import pytest

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import silent
from seatrial.release import isolated_build
from seatrial.release.build_requirements import BuildPins

LOG = b"""Traceback (most recent call last):
  File "/x/hatchling/builders/sdist.py", line 247, in build_standard
    os.replace(archive, target)
OSError: [Errno %d] %s: '/tmp/a.tar.gz' -> '/project/dist/b.tar.gz'
"""


@pytest.mark.parametrize(
    ("number", "words", "disk"), [(28, b"No space left on device", True), (2, b"No such file or directory", False)]
)
def test_a_full_disk_is_named_without_the_log_of_the_backend(
    number: int, words: bytes, disk: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __init__(self, *_: Any, **options: Any) -> None:
            pass

        def get_requires_for_build(self, _: str) -> set[str]:
            return set()

        def build(self, *_: Any) -> str:
            failed = subprocess.CalledProcessError(1, "python", output=LOG % (number, words))
            raise build.BuildBackendException(failed)

    monkeypatch.setattr(build, "ProjectBuilder", Broken)
    tools = isolated_build._Tools(tmp_path, BuildPins(tmp_path), silent)
    with pytest.raises(SeatrialError, match="The sdist cannot be built:") as refused:
        isolated_build._build(tools, tmp_path, "sdist", tmp_path)
    assert words.decode() in refused.value.message
    assert ("Traceback" not in refused.value.message) == disk
    assert refused.value.hint.startswith("Free some space") == disk
