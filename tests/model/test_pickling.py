"""A release goes to another process as its name, version and hash, and another one there is refused."""

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

RESTORE = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from seatrial.core.errors import SeatrialError
content = open(sys.argv[2], "rb").read()
try:
    release = pickle.loads(content)
    print(release.predict([release.metadata.typical]), release is pickle.loads(content))
except SeatrialError as error:
    print(error, error.hint)
"""


def restore(folder: Path, content: Path) -> str:
    command = [sys.executable, "-c", RESTORE, str(folder), str(content)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_release_is_the_same_in_another_process_and_another_one_is_refused(titanic, titanic_project, tmp_path):
    content = tmp_path / "release.pickle"
    content.write_bytes(pickle.dumps(titanic))
    assert content.stat().st_size < 1000
    expected = titanic.predict([titanic.metadata.typical])
    assert restore(titanic_project / "src", content) == f"{expected} True\n"

    other = Path(shutil.copytree(titanic_project / "src", tmp_path / "other"))
    with (other / "titanic_model" / "features.py").open("a") as file:
        file.write("\n_CHANGED = 1\n")
    refused = restore(other, content)
    assert "another release of titanic_model than the one that was sent to it" in refused
    hashes = {word.rstrip("),.") for word in refused.split() if len(word) >= 64}
    assert len(hashes) == 2

    assert "titanic_model 0.1.0 of a release is not installed" in restore(tmp_path / "nothing", content)
