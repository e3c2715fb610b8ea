"""The oldest onnxruntime that scores correctly, required by the package, by lockfiles and when a graph is loaded."""

import os
import re
from typing import Any

from seatrial.core.errors import SeatrialError

# Versions 1.21 to 1.23 score some small tree models wrongly, by up to 0.26, without an error (onnxruntime#24679).
OLDEST = "1.24.4"


def load_onnxruntime() -> Any:
    """Import onnxruntime, quiet and without telemetry. Raises SeatrialError where it is too old."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # since 1.32, onnxruntime sends telemetry on Linux too
    import onnxruntime

    require_onnxruntime(onnxruntime.__version__)
    onnxruntime.set_default_logger_severity(3)
    return onnxruntime


def require_onnxruntime(version: str, where: str = "") -> None:
    """Raise SeatrialError if `version` is too old; `where` names what asks for it, such as a lockfile."""
    if _numbers(version) < _numbers(OLDEST):
        raise SeatrialError(
            f"{where and where + ': '}onnxruntime {version} scores some models wrongly; {OLDEST} or newer is required.",
            hint="Train and build the release again." if where else f'pip install "onnxruntime>={OLDEST}"',
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
