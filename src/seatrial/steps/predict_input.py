"""Predicts one input of a table with a project's model; what is done with it is the same in every process."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from seatrial.core.progress import Progress, silent
from seatrial.model.bad_rows import BadLimit, OnBadRows
from seatrial.model.table_inputs import TableInput

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.model.batch import PredictedFile, RowPolicy, Share
    from seatrial.model.release import Release
    from seatrial.model.table_writers import Write
    from seatrial.template.reading.csv_file import CsvOptions

OnBadFileRows = Literal["fail", "drop", "keep", "quarantine"]
FILES_SHOWN = 10  # that have notes of their own


@dataclass(frozen=True)
class HowToPredict:
    """What `predict` does with each file, whichever process does it."""

    keep: bool = False
    key: tuple[str, ...] = ()
    on_bad_rows: OnBadFileRows = "fail"
    limit: BadLimit | None = None
    sheet: str = ""
    options: "CsvOptions | None" = None

    def policy(self, bad: "Write | None" = None, *, all_may_be_bad: bool = False) -> "RowPolicy":
        """What becomes of rows, with the writer of bad ones."""
        from seatrial.model.batch import RowPolicy

        policy: OnBadRows = "drop" if self.on_bad_rows == "quarantine" else self.on_bad_rows
        return RowPolicy(self.keep, policy, self.limit, bad, all_may_be_bad or self.on_bad_rows == "quarantine")


@dataclass(frozen=True)
class PredictedTable:
    """What was predicted: each file by its name, and how many parts an earlier run had made already."""

    files: tuple[tuple[str, "PredictedFile"], ...]
    resumed: int = 0
    rows_resumed: int = 0

    @property
    def rows(self) -> int:
        """The rows that were written."""
        return sum(file.rows for _, file in self.files)

    @property
    def rows_in(self) -> int:
        """The rows that were read."""
        return sum(file.rows_in for _, file in self.files)

    @property
    def warned(self) -> int:
        """The rows with values that training did not see."""
        return sum(file.warned for _, file in self.files)

    @property
    def bad_rows(self) -> int:
        """The rows that break the schema."""
        return sum(file.bad.rows for _, file in self.files)

    def notes(self, on_bad_rows: str) -> list[str]:
        """Lines for a person: how values were read, and the rows that were not predicted, or only with a warning."""
        noted = [
            (name, notes)
            for name, file in self.files
            if (notes := [*(f"  {note}" for note in file.read), *file.notes(on_bad_rows)])
        ]
        if len(self.files) == 1:
            return [note for _, notes in noted for note in notes]
        lines = [line for name, notes in noted[:FILES_SHOWN] for line in (f"{name}:", *(f"  {n}" for n in notes))]
        more = len(noted) - FILES_SHOWN
        return [*lines, f"... and {more} more files with notes"] if more > 0 else lines


def predict_input(
    release: "Release",
    project: "ProjectSettings",
    source: TableInput,
    write: "Write",
    how: HowToPredict,
    bad: "Write | None" = None,
    *,
    all_may_be_bad: bool = False,
    share: "Share | None" = None,
    progress: Progress = silent,
) -> "PredictedFile":
    """Predict the rows of one file, in other processes with `share`, and write them."""
    from seatrial.model.batch import predict_rows
    from seatrial.steps.exports import rows_to_predict

    rows, notes = rows_to_predict(
        source.path,
        project,
        release.checker,
        keep=how.key,
        constants=source.partitions,
        sheet=how.sheet,
        options=how.options,
        progress=progress,
    )
    policy = how.policy(bad, all_may_be_bad=all_may_be_bad)
    predicted = predict_rows(
        release, source.path, write, policy, name=source.name, rows_read=rows, share=share, progress=progress
    )
    return replace(predicted, read=tuple(notes))
