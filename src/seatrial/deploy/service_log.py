"""The prediction log of a deployed service: where it is kept, as each target passes it to its servers."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.prediction_log.log_settings import SCHEMES, LogSettings, read_log_settings
from seatrial.prediction_log.project_log import log_settings

LOG_HELP = 'where its prediction log is kept, in place of `to` in [tool.seatrial.log]; "" for none'
SPOOL = "/var/spool/seatrial"  # in a container
CONTAINER_TARGETS = ("docker", "railway", "kubernetes")


def target_log(project: ProjectSettings, target: str, own: str | None, *, by_default: bool = False) -> LogSettings:
    """The log of a target on this machine; `own` is its setting `log`. Raises SeatrialError for a wrong one."""
    settings = log_settings(project, by_default=by_default)
    if own is None:
        return settings
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{target}] log"
    named = read_log_settings({"to": own}, where, project.root).to
    return settings.model_copy(update={"to": named if own else ""})


def container_log(project: ProjectSettings, target: str, own: str | None) -> LogSettings:
    """The log of a target that runs containers. A folder in the project is not there, so that it does not count.

    Raises SeatrialError for a password in the destination: it would be in images and manifests.
    """
    settings = target_log(project, target, own)
    if is_in_project(str(project.log.get("to", "")) if own is None else own):
        return settings.model_copy(update={"to": ""})
    parts = urlsplit(settings.to)
    if parts.scheme in SCHEMES and (parts.password or any("pass" in name for name, _ in parse_qsl(parts.query))):
        raise SeatrialError(
            f"The prediction log of the target {target} has a password in its URL, which would be in its files.",
            hint="Leave it out, and give the service the variable PGPASSWORD; or set SEATRIAL_LOG there by hand.",
        )
    return settings if settings.spool else settings.model_copy(update={"spool": SPOOL})


def is_in_project(to: str) -> bool:
    """Whether a destination is a folder below the project's, which containers do not have."""
    return urlsplit(to).scheme not in SCHEMES and bool(to) and not Path(to).is_absolute()


def logs_in_containers(project: ProjectSettings) -> bool:
    """Whether a container of the project delivers a log, for which its environment needs more libraries."""
    tables = [project.deploy.get(target, {}) for target in CONTAINER_TARGETS]
    owns = [str(table["log"]) for table in tables if isinstance(table, dict) and "log" in table]
    return any(to and not is_in_project(to) for to in (str(project.log.get("to", "")), *owns))
