"""The access keys of a deployed service, and a key of a few minutes with which its first predictions are verified."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from seatrial.core.access_keys import KEYS_FILE, VERIFIER, AccessKey, make_key, read_key_file
from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.http.hosts import is_loopback

KEYS_HELP = "the file of access keys, as `seatrial keys add` writes it; default: .seatrial/keys.json, if it exists"
OPEN_HELP = "let anyone who can reach the service call it without a key"


def keys_file(project: ProjectSettings, named: str | None, is_open: bool) -> Path | None:
    """The file with the keys of a service; None if it has none. Raises SeatrialError where it is missing or broken."""
    path = project.root / (named or KEYS_FILE)
    if is_open:
        if named:
            raise SeatrialError(f"{project.root / 'pyproject.toml'} has both `keys` and `open`.", hint="Leave out one.")
        return None
    if named or path.is_file():
        read_key_file(path)
        return path.absolute()
    return None


def require_closed(project: ProjectSettings, target: str, address: str, file: Path | None, is_open: bool) -> None:
    """Raise SeatrialError if other machines could call the service without a key, unless the settings want that."""
    if file is None and not is_open and not is_loopback(address):
        where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{target}]"
        raise SeatrialError(
            f"Other machines can reach the service on {address or 'all addresses'}, and it has no access keys.",
            hint=f"Make one with `seatrial keys add NAME`, or let anyone call it: {where} open = true.",
        )


def verification_key(seconds: float) -> tuple[AccessKey, str]:
    """Make a key for predictions that is valid for so many seconds; returns it with its secret."""
    return make_key(VERIFIER, ["predict"], expires=datetime.now(UTC) + timedelta(seconds=seconds))
