"""What `follow` remembers: how far it has read, and what it has counted, in one file that is replaced whole.

Files of the log, rows and labels are each remembered by what names them, in the same step as they are counted. So
nothing is counted twice, whenever a process was killed, and a file that comes late counts like any other.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic
from seatrial.model.features import Array
from seatrial.trial.shadow import ShadowCounts

FORMAT = 1
_HINT = "Delete it, and following begins anew."


@dataclass(frozen=True)
class FollowState:
    """How far the log was read, and what was counted.

    `seen` are hashes of rows that count already, sorted; `labelled` are "request/row" of labels that do. `scale` is the
    unit of a regression, 0 while it is unknown; `crashed` says why the candidate could not answer. `asked` is what
    `since` was asked as: 7d is another moment each time.
    """

    since: str = ""
    segments: frozenset[str] = frozenset()
    labelled: frozenset[str] = frozenset()
    seen: Array = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    counts: ShadowCounts = field(default_factory=ShadowCounts)
    logged: int = 0
    scale: float = 0.0
    crashed: str = ""
    asked: str = ""

    def with_segments(self, names: Iterable[str]) -> "FollowState":
        """Note files as read."""
        return replace(self, segments=self.segments | {*names})

    def with_logged(self, rows: int) -> "FollowState":
        """Add rows that were logged, repeated ones too."""
        return replace(self, logged=self.logged + rows)

    def with_rows(self, hashes: Array, moved: Array) -> "FollowState":
        """Count rows."""
        return replace(self, seen=np.union1d(self.seen, hashes), counts=self.counts.with_rows(moved))

    def with_labels(self, places: Sequence[str], worse: Array, moved: Array) -> "FollowState":
        """Count labels."""
        return replace(self, labelled=self.labelled | {*places}, counts=self.counts.with_labels(worse, moved))

    def with_scale(self, scale: float) -> "FollowState":
        """Set the unit of a regression."""
        return replace(self, scale=scale)

    def with_crash(self, why: str) -> "FollowState":
        """Note that the candidate could not answer."""
        return replace(self, crashed=why)


def write_state(path: Path, state: FollowState) -> None:
    """Replace the file."""
    facts: dict[str, Any] = {
        "format": FORMAT,
        "since": state.since,
        "asked": state.asked,
        "segments": sorted(state.segments),
        "labelled": sorted(state.labelled),
        "logged": state.logged,
        "scale": state.scale,
        "crashed": state.crashed,
        "lost": state.counts.lost,
        "told": state.counts.told,
    }
    content = io.BytesIO()
    arrays = {"seen": state.seen, "moved": state.counts.moved, "worse": state.counts.worse}
    np.savez_compressed(content, facts=np.frombuffer(json.dumps(facts).encode(), np.uint8), **arrays)  # type: ignore[arg-type]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.getvalue(), private=True)


def read_state(path: Path) -> FollowState | None:
    """Read the file; None where there is none. Raises SeatrialError where it is damaged."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts = json.loads(arrays["facts"].tobytes())
            if facts["format"] != FORMAT:
                raise SeatrialError(f"{path} was written by another version of Seatrial.", hint=_HINT)
            counts = ShadowCounts(arrays["moved"], arrays["worse"], int(facts["lost"]), float(facts["told"]))
            return FollowState(
                str(facts["since"]), frozenset(facts["segments"]), frozenset(facts["labelled"]), arrays["seen"],
                counts, int(facts["logged"]), float(facts["scale"]), str(facts["crashed"]),
                str(facts.get("asked", facts["since"])),
            )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise SeatrialError(f"{path} is damaged: {error}.", hint=_HINT) from None
