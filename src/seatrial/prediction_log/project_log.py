"""The prediction log of a project: what its settings say, and where it is kept if they do not."""

from pathlib import Path

from seatrial.core.project import ProjectSettings
from seatrial.prediction_log.log_settings import LogSettings, read_log_settings

DEFAULT = Path(".seatrial") / "log"  # in a project; git ignores the folder, and no wheel or sdist has it


def log_settings(project: ProjectSettings, *, by_default: bool) -> LogSettings:
    """The settings of a project's log; without `to`, it is in a folder of the project if it is on `by_default`.

    `to = ""` turns it off everywhere. Raises SeatrialError for an unknown key or a wrong value.
    """
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.log]"
    given = {"to": str(DEFAULT), **project.log} if by_default else project.log
    return read_log_settings(given, where, project.root)
