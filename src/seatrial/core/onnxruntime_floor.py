"""The oldest onnxruntime that scores correctly, required by the package, by lockfiles and when a release is loaded."""

import re

from seatrial.core.errors import SeatrialError

# Versions 1.21 to 1.23 score some small tree models wrongly, by up to 0.26, without an error (onnxruntime#24679).
OLDEST = "1.24.4"


def require_onnxruntime(version: str, where: str = "") -> None:
    """Raise SeatrialError if `version` is too old; `where` names what asks for it, such as a lockfile."""
    if _numbers(version) < _numbers(OLDEST):
        raise SeatrialError(
            f"{where and where + ': '}onnxruntime {version} scores some models wrongly; {OLDEST} or newer is required.",
            hint="Train and build the release again." if where else f'pip install "onnxruntime>={OLDEST}"',
        )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
