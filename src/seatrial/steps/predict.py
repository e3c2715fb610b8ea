"""Predicts tables with a project's model: from one file to one, or from many to a folder that can be resumed."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, get_args

from seatrial.core.errors import UsageError
from seatrial.core.progress import Progress, silent
from seatrial.model.bad_rows import bad_limit
from seatrial.model.table_inputs import STANDARD_INPUT, TableInput, is_hidden, matches_pattern
from seatrial.steps.predict_elsewhere import inputs_here, output_here
from seatrial.steps.predict_input import HowToPredict, OnBadFileRows, PredictedTable, predict_input

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings
    from seatrial.template.reading.csv_file import CsvOptions

TableFormat = Literal["csv", "parquet", "json", "jsonl", "arrow"]


def predict(
    project: "ProjectSettings",
    file: str | Path | Sequence[str | Path],
    output: str | Path | None = None,
    *,
    query: str = "",
    keep: bool = False,
    key: Sequence[str] = (),
    as_json: bool = False,
    table_format: TableFormat | None = None,
    on_bad_rows: OnBadFileRows = "fail",
    max_bad: str = "",
    resume: bool = False,
    processes: int = 1,
    sheet: str = "",
    options: "CsvOptions | None" = None,
    progress: Progress = silent,
) -> PredictedTable:
    """Predict every row of one file or several into `output`, or to standard output.

    `file` names files, patterns, folders whose names may be partitions, or `-` for standard input. They are exports,
    read by the rules in reading.toml (`sheet` and `options` as in `refresh`), or rows as the API takes them, in CSV,
    Parquet, JSON, JSON lines or Arrow. `output` is a file for all of them, or a folder with a part for each, which
    `resume` goes on with. `processes` share the files of a folder, or the rows of a file. `keep` writes the schema's
    columns next to the predictions, `key` columns of the files as they are. `table_format` is that of streams and of
    the parts of a folder.

    Both may be URLs: `file` of object stores, of web servers, and of databases with a `query`; `output` of object
    stores and of tables, as postgresql://host/shop?table=scores. Either is read whole first, and written whole at last.

    Rows that break the schema fail the call (`on_bad_rows="fail"`), are left out ("drop"), have the reason in place of
    a prediction ("keep"), or are put into a table of their own ("quarantine"), and more than `max_bad` of them, as 100
    or 1%, fail the call.
    """
    words = [str(word) for word in ([file] if isinstance(file, str | Path) else file)]
    if str(output) in (STANDARD_INPUT, ""):
        raise UsageError(f"-o does not take {str(output)!r}: the default is standard output.", hint="Leave -o out.")
    if on_bad_rows not in get_args(OnBadFileRows):
        raise UsageError(
            f"{on_bad_rows!r} is not a policy for bad rows.", hint=f"Use {', '.join(get_args(OnBadFileRows))}."
        )
    limit = bad_limit(max_bad) if max_bad else None
    how = HowToPredict(keep, tuple(dict.fromkeys(key)), on_bad_rows, limit, sheet, options)
    suffix = f".{table_format}" if table_format else ".json" if as_json and output is None else ""
    with (
        output_here(output, on_bad_rows, progress, resume=resume) as target,
        inputs_here(words, query, progress) as found,
        _standard_input(found, suffix or ".csv") as inputs,
    ):
        folder = target is not None and (target.is_dir() or not target.suffix)
        if target is not None and "://" not in str(output):
            _require_file_or_folder(target)
            files = [target / f"part-00000{suffix or '.parquet'}"] if folder else [target, _beside(target)]
            _refuse_inputs(target, files if on_bad_rows == "quarantine" else files[:1], words)
        if target is not None and folder:
            from seatrial.steps.predict_folder import predict_folder

            return predict_folder(
                project,
                inputs,
                target,
                how,
                suffix or ".parquet",
                resume=resume,
                processes=processes,
                progress=progress,
            )
        if resume:
            raise UsageError("--resume is for a folder of parts.", hint="Name a folder: --output predictions/")
        return _into_one(project, inputs, target, how, suffix or ".csv", processes, progress)


def _require_file_or_folder(output: Path) -> None:
    """Refuse a pipe or a device, which a file would replace, or which cannot be written as a whole."""
    if output.exists() and not (output.is_file() or output.is_dir()):
        raise UsageError(
            f"{output} is neither a file nor a folder.", hint="Leave -o out, and send standard output there."
        )


def _beside(output: Path) -> Path:
    """The file of bad rows beside an output."""
    return output.with_name(f"{output.stem}.bad{output.suffix}")


def _refuse_inputs(output: Path, files: Sequence[Path], words: Sequence[str]) -> None:
    """Refuse an output in a folder of input files, or of which their pattern matches a file that is written."""
    for word in words:
        folder, place = Path(word).expanduser(), output.resolve()
        if folder.is_dir() and place.is_relative_to(folder.resolve()):
            if not is_hidden(place.relative_to(folder.resolve()).parts):
                raise UsageError(
                    f"{output} is in the folder of input files {folder}: the next run would read it.",
                    hint="Name an output outside of that folder.",
                )
        elif any(matches_pattern(file, word) for file in files):
            raise UsageError(
                f"{output} matches {word!r}, the pattern of input files: the next run would read it.",
                hint="Name an output outside of that folder.",
            )


def _into_one(
    project: "ProjectSettings",
    inputs: Sequence[TableInput],
    output: Path | None,
    how: HowToPredict,
    suffix: str,
    processes: int,
    progress: Progress,
) -> PredictedTable:
    from seatrial.core.project import importable
    from seatrial.core.results import results
    from seatrial.model.batch import BAD_COLUMNS, open_output
    from seatrial.model.release import Release
    from seatrial.steps.predict_workers import SharedChunks, check_processes, predicting_processes

    check_processes(processes)
    if how.on_bad_rows == "quarantine" and output is None:
        raise UsageError("Bad rows need a file of their own.", hint="Name the predictions' file with --output.")
    aside = _beside(output) if output and how.on_bad_rows == "quarantine" else None
    for written in (output, aside):
        if written and written.exists() and any(e.path.exists() and written.samefile(e.path) for e in inputs):
            raise UsageError(f"{written} is an input file.", hint="Name another file for the predictions.")
    with results() as printed, importable(project), ExitStack() as stack:
        progress("loading the model")
        release = Release(project.package)
        target: Path | TextIO = output or _stream(printed, suffix)
        like = [each.path for each in inputs]
        write = stack.enter_context(open_output(release, target, suffix=suffix, like=like))
        bad = None
        if aside is not None:
            bad = stack.enter_context(open_output(release, aside, like=like))
        share = None
        if processes > 1:
            share = SharedChunks(stack.enter_context(predicting_processes(project, processes)), processes)
        files = []
        for each in inputs:
            predicted = predict_input(release, project, each, write, how, bad, share=share, progress=progress)
            files.append((each.name, predicted))
        table = PredictedTable(tuple(files))
        if bad is not None and not table.bad_rows:
            bad({name: [] for name in (*how.key, *BAD_COLUMNS)})
        if how.limit:
            how.limit.check(table.bad_rows, table.rows_in, " and ".join(e.name for e in inputs[:2]), complete=True)
    return table


@contextmanager
def _standard_input(inputs: Sequence[TableInput], suffix: str) -> Iterator[Sequence[TableInput]]:
    """Put what comes on standard input into a file, since most formats cannot be read from a pipe."""
    if [each.name for each in inputs] != [STANDARD_INPUT]:
        yield inputs
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("Nothing is sent to standard input.", hint="Example: cat rows.csv | seatrial predict -")
    with tempfile.TemporaryDirectory(prefix="seatrial-") as folder:
        path = Path(folder) / f"standard-input{suffix}"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield [TableInput(path, STANDARD_INPUT)]


def _stream(printed: TextIO, suffix: str) -> TextIO:
    if suffix in (".parquet", ".arrow") and printed.isatty():
        raise UsageError(f"{suffix} is not for a terminal.", hint="Name a file with --output, or send it to a command.")
    return printed
