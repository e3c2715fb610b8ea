"""Job: a file for `spark-submit` or `ray job submit` that predicts a folder; from then on it is its owner's."""

from importlib.resources import files
from pathlib import Path
from typing import Literal

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.core.quoting import python

EngineName = Literal["spark", "ray"]
PLACE = '"MODEL_PACKAGE"'


def job_text(engine: EngineName, package: str) -> str:
    """Return the text of a job file that predicts with the release in `package`."""
    template = files("seatrial.engines.jobs").joinpath(f"{engine}_job.py").read_text("utf-8")
    return template.replace(PLACE, python(package))


def write_job(engine: EngineName, package: str, file: Path | None = None) -> Path:
    """Write a job file, by default spark_job.py or ray_job.py in the current folder, and return its path.

    Raises SeatrialError where there is such a file: somebody may have changed it.
    """
    if not package.isidentifier():
        raise SeatrialError(f"{package!r} is not the name of a release's package.", hint="Example: titanic-model.")
    path = file or Path(f"{engine}_job.py")
    if path.exists():
        raise SeatrialError(f"{path} exists already.", hint="It may have been changed; write another with --output.")
    if not path.parent.is_dir():
        raise SeatrialError(f"The folder {path.parent} does not exist.", hint="Create it first.")
    write_atomic(path, job_text(engine, package))
    return path
