"""Predicts many files into a folder, one part for each, in several processes if asked; a killed run can be resumed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.core.errors import SeatrialError
from seatrial.core.progress import Progress, silent
from seatrial.model.batch import PredictedFile, open_output
from seatrial.model.output_folder import FolderJob, OutputFolder, PartRecord
from seatrial.model.pickling import fingerprint
from seatrial.model.release import Release
from seatrial.model.table_inputs import TableInput
from seatrial.steps.exports import rules_digest
from seatrial.steps.predict_input import HowToPredict, PredictedTable, predict_input
from seatrial.steps.predict_workers import KilledProcessError, check_processes, predicting_processes, release_here

if TYPE_CHECKING:
    from seatrial.core.project import ProjectSettings


def predict_folder(
    project: "ProjectSettings",
    inputs: Sequence[TableInput],
    output: Path,
    how: HowToPredict,
    suffix: str,
    *,
    resume: bool,
    processes: int,
    progress: Progress = silent,
) -> PredictedTable:
    """Predict each file into a part of the folder `output`; what an earlier run has done is kept with `resume`.

    Without it, a run that fails leaves nothing, except where a process was killed or the disk is full: that run can be
    resumed. Raises SeatrialError where the folder has something else.
    """
    from seatrial.core.project import importable

    check_processes(processes)
    with importable(project):
        progress("loading the model")
        release = Release(project.package)
        job = FolderJob(f"{release.name} {release.version}", fingerprint(release.artifacts), _options(how, project))
        folder = OutputFolder(output, job, inputs, suffix, resume=resume)
        earlier = dict(folder.done)
        waiting = [number for number in range(len(inputs)) if number not in earlier]
        files: dict[int, PredictedFile] = {}
        try:
            with _predicting(release, project, how, min(processes, len(waiting)), progress) as predicted:
                for number, part, file in predicted([(n, inputs[n], *_places(folder, how, n)) for n in waiting]):
                    folder.record(number, part)
                    files[number] = file
                    progress(f"predicted {len(folder.done):,} of {len(inputs):,} files")
                    _check_limit(folder, how, output, complete=False)
            _check_limit(folder, how, output, complete=True)
        except SeatrialError as error:
            if not resume and not isinstance(error, KilledProcessError):
                folder.remove()
            raise
    folder.finish()
    named = tuple((inputs[number].name, files[number]) for number in sorted(files))
    return PredictedTable(named, len(earlier), sum(part.good for part in earlier.values()))


Task = tuple[int, TableInput, Path, Path | None]
Answer = tuple[int, PartRecord, PredictedFile]


def _options(how: HowToPredict, project: "ProjectSettings") -> dict[str, object]:
    limit = how.limit.text if how.limit else ""
    options = asdict(how.options) if how.options else {}
    named = {name: value for name, value in options.items() if value not in (None, "")}
    return {
        "keep": how.keep,
        "key": list(how.key),
        "on_bad_rows": how.on_bad_rows,
        "max_bad": limit,
        "sheet": how.sheet,
        "reading.toml": rules_digest(project),
        "reading": [f"{name}={value}" for name, value in named.items()],
    }


def _places(folder: OutputFolder, how: HowToPredict, number: int) -> tuple[Path, Path | None]:
    return folder.part(number), folder.bad_part(number) if how.on_bad_rows == "quarantine" else None


def _check_limit(folder: OutputFolder, how: HowToPredict, output: Path, *, complete: bool) -> None:
    if how.limit:
        parts = folder.done.values()
        bad, rows = sum(part.bad for part in parts), sum(part.rows_in for part in parts)
        how.limit.check(bad, rows, str(output), complete=complete)


def _part(
    release: Release, project: "ProjectSettings", how: HowToPredict, task: Task, progress: Progress = silent
) -> Answer:
    """Predict one file into its part. The bad rows come first, so that a part never lacks those that it leaves out."""
    number, source, place, bad_place = task
    with ExitStack() as stack:
        write = stack.enter_context(open_output(release, place, like=source.path))
        bad = None
        if bad_place is not None:
            bad_place.parent.mkdir(exist_ok=True)
            bad = stack.enter_context(open_output(release, bad_place, like=source.path))
        file = predict_input(release, project, source, write, how, bad, all_may_be_bad=True, progress=progress)
    if bad_place is not None and not file.bad.rows:
        bad_place.unlink()
    bad_name = f"{bad_place.parent.name}/{bad_place.name}" if bad_place and file.bad.rows else None
    good = file.rows - (file.bad.rows if how.on_bad_rows == "keep" else 0)
    part = PartRecord(place.name, bad_name, file.rows_in, good, file.bad.rows, file.warned)
    return number, part, file


class _Predicting:
    """Predicts tasks one after the other in this process."""

    def __init__(self, release: Release, project: "ProjectSettings", how: HowToPredict, progress: Progress) -> None:
        self._arguments, self._progress = (release, project, how), progress

    def __call__(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """Yield the part of each task."""
        for task in tasks:
            yield _part(*self._arguments, task, self._progress)


class _PredictingTogether:
    """Predicts tasks in several processes, and yields each part when it is done."""

    def __init__(self, pool: ProcessPoolExecutor, project: "ProjectSettings", how: HowToPredict) -> None:
        self._pool, self._arguments = pool, (project, how)

    def __call__(self, tasks: Sequence[Task]) -> Iterator[Answer]:
        """Yield the part of each task, in the order in which they are done."""
        running: list[Future[Answer | SeatrialError]] = [
            self._pool.submit(_in_worker, *self._arguments, task) for task in tasks
        ]
        try:
            for done in as_completed(running):
                answer = done.result()
                if isinstance(answer, SeatrialError):
                    raise answer
                yield answer
        except BrokenProcessPool:
            raise KilledProcessError(
                "A process that predicted was killed, maybe since memory is short.",
                hint="Use fewer --processes, and go on with --resume.",
            ) from None
        finally:
            for future in running:
                future.cancel()


@contextmanager
def _predicting(
    release: Release, project: "ProjectSettings", how: HowToPredict, processes: int, progress: Progress
) -> Iterator[_Predicting | _PredictingTogether]:
    if processes <= 1:
        yield _Predicting(release, project, how, progress)
        return
    with predicting_processes(project, processes) as pool:
        yield _PredictingTogether(pool, project, how)


def _in_worker(project: "ProjectSettings", how: HowToPredict, task: Task) -> Answer | SeatrialError:
    try:
        return _part(release_here(), project, how, task)
    except SeatrialError as error:
        return error
