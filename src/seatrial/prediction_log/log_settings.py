"""[tool.seatrial.log]: where the prediction log goes, and what of a request is kept."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from seatrial.core.errors import SeatrialError
from seatrial.core.moments import parse_length
from seatrial.core.settings import read_table

KEY_VARIABLE = "SEATRIAL_LOG_KEY"  # the environment variable with the key of hashed columns
PYTHON_VARIABLE = "SEATRIAL_LOG_PYTHON"  # of an interpreter that can deliver the log, if a server's own cannot
VARIABLE = "SEATRIAL_LOG"  # the environment variable with a server's log: a destination, or the settings as JSON
SCHEMES = ("s3", "gs", "postgresql")


class LogSettings(BaseModel):
    """The settings of one prediction log; without `to` there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    to: str = Field(
        "", description="where the log is kept: a folder, s3://bucket/path, gs://bucket/path or postgresql://..."
    )
    spool: str = Field(
        "", description="the folder in which servers write it first; default: in the folder, or a temporary one"
    )
    columns: list[str] | None = Field(None, description="the inputs that are kept; default: all")
    hashed: list[str] = Field(
        [], description="the inputs of which only a keyed hash is kept; SEATRIAL_LOG_KEY has the key, or a file"
    )
    share: float = Field(1.0, gt=0, le=1, description="the share of requests that is kept")
    days: int | None = Field(None, ge=1, description="after how many days predictions are deleted; default: never")
    label_delay: str = Field("", description='from when a missing label means anything, as "30 days"')
    when_full: Literal["drop", "refuse"] = Field(
        "drop", description="what to do while the spool is full: answer without logging, or refuse with 503"
    )
    spool_megabytes: int = Field(1024, ge=1, description="the size at which the spool is full")
    segment_megabytes: int = Field(16, ge=1, description="the size at which a segment is delivered")
    segment_seconds: float = Field(60.0, gt=0, description="the age at which a segment is delivered")
    sync: bool = Field(False, description="whether to wait for the disk before each answer, in case of a power cut")

    @property
    def local(self) -> bool:
        """Whether the log is kept in a folder of this machine."""
        return bool(self.to) and urlsplit(self.to).scheme not in SCHEMES

    def text(self) -> str:
        """The settings as the variable has them."""
        return json.dumps(self.model_dump(exclude_defaults=True))


def read_log_settings(settings: dict[str, Any], where: str, root: Path | None = None) -> LogSettings:
    """Check a table of settings; folders are relative to `root`. Raises SeatrialError."""
    given = {name: float(value) if name in ("share", "segment_seconds") and type(value) is int else value
             for name, value in settings.items()}  # fmt: skip
    found = read_table(LogSettings, given, where)
    scheme = urlsplit(found.to).scheme if "://" in found.to else ""
    if scheme and scheme not in SCHEMES:
        raise SeatrialError(
            f"{where} to = {scheme}://...: there is no such destination.",
            hint="Use a folder, s3://bucket/path, gs://bucket/path or postgresql://user@host/database.",
        )
    if found.label_delay:
        parse_length(found.label_delay, f"{where} label_delay")
    if root is None:
        return found
    places = {"to": found.to if not found.local else str(root / found.to)}
    if found.spool:
        places["spool"] = str(root / found.spool)
    return found.model_copy(update=places)


def parse_log_settings(text: str) -> LogSettings:
    """Read the value of the variable SEATRIAL_LOG: a destination, or the settings as JSON. Raises SeatrialError."""
    if not text.lstrip().startswith("{"):
        return read_log_settings({"to": text.strip()}, VARIABLE)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise SeatrialError(f"{VARIABLE} is not valid JSON: {error}.", hint="Or set it to a folder alone.") from None
    return read_log_settings(document, VARIABLE)


def log_variables(text: str) -> dict[str, str]:
    """The environment variables of a server of this machine: its log, as JSON, which this interpreter delivers."""
    return {VARIABLE: text, PYTHON_VARIABLE: sys.executable}


def spool_folder(settings: LogSettings, release: str) -> Path:
    """The folder in which servers of this release write first. Raises SeatrialError where it is somebody else's."""
    if settings.spool:
        return Path(settings.spool)
    if settings.local:
        return Path(settings.to) / ".spool"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"seatrial-spool-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        raise SeatrialError(f"{folder} belongs to somebody else.", hint="Set `spool` to a folder of your own.")
    return folder / release
