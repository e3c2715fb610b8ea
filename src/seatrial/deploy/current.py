"""What a target's lockfile names now: the deployment in its header, and the release that it pins."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.quoting import shell
from seatrial.deploy.history import Entry
from seatrial.wheels.lockfile import Lockfile, read_lockfile

HEADER = re.compile(r"^# Deployment (\S+) of (\S+) (\S+) \((\S+)\)", re.MULTILINE)
REBUILT = "Rebuilt from the lockfile: the record of this deployment was lost."


@dataclass(frozen=True)
class Current:
    """What the lockfile names."""

    id: str
    release: str
    version: str
    sha256: str
    package: str
    lockfile: Lockfile

    @property
    def pin(self) -> str:
        """The digest of the lockfile."""
        return self.lockfile.digest


def read_current(path: Path) -> Current | None:
    """Read a target's lockfile; None if nothing was ever deployed. Raises SeatrialError where it is damaged."""
    restore = f"Restore it from git: `git checkout -- {shell(str(path))}`."
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SeatrialError(f"Cannot read {path}: {error}.") from None
    lockfile, header = read_lockfile(text, str(path)), HEADER.search(text)
    if header is None:
        raise SeatrialError(f"{path} has no header that names its deployment.", hint=restore)
    model = lockfile.model
    if len(model.hashes) != 1:
        raise SeatrialError(f"{path} has more than one hash for {model.name}.", hint=restore)
    version = model.requirement.partition("==")[2].partition(";")[0].strip()
    return Current(header[1], model.name, version, model.hashes[0], header[4], lockfile)


def rebuilt_entry(current: Current) -> Entry:
    """A line of the history for what the lockfile names, where the one that was to be written is lost."""
    return Entry(
        id=current.id,
        kind="deploy",
        when=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        who="",
        why=REBUILT,
        release=current.release,
        version=current.version,
        sha256=current.sha256,
        package=current.package,
        pin=current.pin,
    )
