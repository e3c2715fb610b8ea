"""The metadata of a release: release.json, which training writes and the wheel contains."""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from seatrial.core.errors import SeatrialError
from seatrial.core.files import read_json, to_json
from seatrial.model.inputs import Inputs

Task = Literal["binary", "multiclass", "regression"]
FORMAT = 1
SBOM_FILE = "sbom.cdx.json"  # among the artifacts; a wheel has it in .dist-info/sboms
METADATA_FILE = "release.json"
CLASSES = ("classes", "never_predicted")  # lists in JSON, tuples here


@dataclass(frozen=True)
class Metadata:
    """The metadata of one release. Classes are in the order of the score columns; unseen.py explains `seen`.

    `best_column` is the column of the baseline that uses a single one; `doubts` are the reasons, by their names, for
    which the result may be too good to be true. `never_predicted` are the classes that the model never answered with,
    although held-out rows have them. `importance` is the loss in the headline metric when a column is shuffled; it is
    empty where measuring it took too long. `unit` is that of a regression's target. `intervals` has the
    numbers behind prediction intervals and sets (model/intervals.py). `carries` says what the release contains of real
    rows (model/carried_rows.py). `threshold_by` is the class of the estimator that has the threshold; empty
    where it is the settings'. `fitted` is the file of a model that was fitted elsewhere (train/fitted_elsewhere.py).
    """

    name: str
    task: Task
    target: str
    engine: Literal["onnx", "native"]
    inputs: Inputs
    typical: dict[str, Any]
    example: dict[str, Any]
    classes: tuple[Any, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    positive: Any = None
    threshold: float = 0.5
    threshold_by: str = ""
    description: str = ""
    headline: str = ""
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    best_column: str = ""
    doubts: dict[str, str] = field(default_factory=dict)
    importance: dict[str, float] = field(default_factory=dict)
    unit: str = ""
    intervals: dict[str, Any] = field(default_factory=dict)
    never_predicted: tuple[Any, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    proof: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    git: dict[str, Any] = field(default_factory=dict)
    carries: dict[str, Any] = field(default_factory=dict)
    array_features: dict[str, str] = field(default_factory=dict)
    fitted: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def label(self, value: Any) -> str:
        """Return the display text of a class, or the class itself."""
        return self.labels.get(str(value), str(value))

    def to_json(self) -> str:
        """Return the content of release.json."""
        return to_json(asdict(self))


def read_metadata(folder: Path) -> Metadata:
    """Read release.json from a folder of artifacts."""
    path = folder / METADATA_FILE
    if not path.is_file():
        raise SeatrialError(f"There is no trained model in {folder}.", hint="Run `seatrial train` first.")
    return metadata_from(read_json(path, "Train and build again."), str(path))


def metadata_from(document: Any, where: str) -> Metadata:
    """Read the content of a release.json; `where` names it in errors."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise SeatrialError(
            f"{where} does not have format {FORMAT}.", hint="Train again with this version of Seatrial."
        )
    known = {f.name for f in fields(Metadata)}
    try:
        inputs = Inputs(tuple(document["inputs"]["numbers"]), tuple(document["inputs"]["strings"]))
        rest = {k: v for k, v in document.items() if k in known and k != "inputs"}
        rest |= {name: tuple(document.get(name, ())) for name in CLASSES}
        return Metadata(inputs=inputs, **rest)
    except (KeyError, TypeError) as error:
        raise SeatrialError(f"{where} is damaged: {error}", hint="Train and build again.") from None
