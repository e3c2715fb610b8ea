"""The runs of a project, as their folders have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json
from seatrial.core.settings import near_hint
from seatrial.model.metadata import Metadata, metadata_from

RUN_FILE = "run.json"
SHORTEST_PREFIX = 4  # letters of an id


@dataclass(frozen=True)
class RunRecord:
    """One run: its id and folder, when it was written, its project's version, its metadata and parameters."""

    id: str
    folder: Path
    when: datetime
    version: str
    metadata: Metadata
    parameters: Mapping[str, str]

    @property
    def headline(self) -> dict[str, Any]:
        """The main metric: value, low, high, label."""
        return self.metadata.metrics[self.metadata.headline]

    @property
    def commit(self) -> str:
        """The commit of the project's code; with a plus if files had changed since, empty outside git."""
        git = self.metadata.git
        return f"{git.get('commit', '')[:9]}{'+' if git.get('dirty') else ''}"


def read_runs(folder: Path) -> list[RunRecord]:
    """The runs in a project's runs folder, the newest first; a run that cannot be read is left out."""
    found = []
    for path in folder.glob(f"*/{RUN_FILE}"):
        try:
            found.append(read_run(path.parent))
        except (SeatrialError, OSError):
            continue
    return sorted(found, key=lambda run: (run.when, run.id), reverse=True)


def read_run(folder: Path) -> RunRecord:
    """Read one run; raises SeatrialError where its record is missing or damaged."""
    path = folder / RUN_FILE
    document = read_json(path, "Train again.")
    metadata = metadata_from(document, str(path))
    parameters = document.get("parameters", {})
    headline = metadata.metrics.get(metadata.headline)
    if not isinstance(parameters, dict) or not isinstance(headline, dict) or not {"label", "value"} <= headline.keys():
        raise SeatrialError(f"{path} is damaged.", hint="Train again.")
    when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return RunRecord(folder.name, folder, when, str(document.get("version", "")), metadata, parameters)


def find_run(runs: list[RunRecord], name: str) -> RunRecord:
    """The run whose id is, or begins with, `name`. Raises SeatrialError where there is none, or more than one."""
    found = [run for run in runs if run.id == name or (len(name) >= SHORTEST_PREFIX and run.id.startswith(name))]
    if len(found) == 1:
        return found[0]
    if found:
        raise SeatrialError(f"{len(found)} runs begin with {name}.", hint=f"They are {', '.join(r.id for r in found)}.")
    if not runs:
        raise SeatrialError("There is no run yet.", hint="Run `seatrial train` first.")
    raise SeatrialError(f"There is no run {name}.", hint=near_hint(name, [run.id for run in runs], "Runs"))


def differing(records: list[RunRecord]) -> list[dict[str, str]]:
    """For each run the parameters in which the runs differ; those of an earlier version have none."""
    names = dict.fromkeys(name for run in records for name in run.parameters)
    known = [run for run in records if run.parameters]
    wanted = [name for name in names if len({run.parameters.get(name, "") for run in known}) > 1]
    return [{name: run.parameters[name] for name in wanted if name in run.parameters} for run in records]
