"""The Python API: a project with the steps of a model's life as methods, for notebooks and orchestrators."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.canary import promote as _promote
from seatrial.steps.canary import start_canary as _start_canary
from seatrial.steps.canary import take_back as _take_back
from seatrial.steps.compare import compare as _compare
from seatrial.steps.deploy import deploy as _deploy
from seatrial.steps.deploy import list_deployments as _list_deployments
from seatrial.steps.deploy import rollback as _rollback
from seatrial.steps.deploy import stop as _stop
from seatrial.steps.export_release import export_browser as _export_browser
from seatrial.steps.export_release import export_sql as _export_sql
from seatrial.steps.look import look as _look
from seatrial.steps.make_release import release as _release
from seatrial.steps.predict import predict as _predict
from seatrial.steps.progress import show_progress
from seatrial.steps.prove import prove as _prove
from seatrial.steps.refresh import refresh as _refresh
from seatrial.steps.refresh import refresh_from_log as _refresh_from_log
from seatrial.steps.releases import build as _build
from seatrial.steps.releases import publish as _publish
from seatrial.steps.runs import compare_runs as _compare_runs
from seatrial.steps.runs import export_runs as _export_runs
from seatrial.steps.runs import list_runs as _list_runs
from seatrial.steps.train import train as _train
from seatrial.steps.tune import tune as _tune
from seatrial.steps.watch import watch as _watch

if TYPE_CHECKING:
    from seatrial.steps.follow import Followed
    from seatrial.steps.load import LoadedRelease
    from seatrial.steps.log import ProjectLog
    from seatrial.steps.trial import TrialResult
    from seatrial.trial.records import Kind

P = ParamSpec("P")
R = TypeVar("R")


def _method(step: Callable[Concatenate[ProjectSettings, P], R]) -> Callable[Concatenate["Project", P], R]:
    """Make a step a method of Project, which passes its settings and its `progress`."""
    signature = inspect.signature(step)
    reports = "progress" in signature.parameters
    shown = [each for name, each in signature.parameters.items() if name not in ("project", "progress")]

    @functools.wraps(step)
    def method(self: "Project", /, *args: P.args, **options: P.kwargs) -> R:
        settings = self.settings
        if not reports:
            return step(settings, *args, **options)
        with _reporting(self._progress) as report:
            return step(settings, *args, **{"progress": report, **options})  # type: ignore[arg-type]

    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    method.__signature__ = signature.replace(parameters=[this, *shown])  # type: ignore[attr-defined]
    return method


class Project:
    """A project, with a method for each step of a model's life; the commands do the same.

    `folder` is the project's folder, or one in it. `index` is a name in [tool.seatrial.index], a folder or a URL;
    default: the project's first. `progress` is called with a line of text for each thing that is done; default: lines
    with times, `False` for none. Every method raises SeatrialError, whose `hint` says what to do next.
    """

    def __init__(self, folder: str | Path = ".", *, index: str | None = None, progress: Progress | bool = True) -> None:
        self._folder = find_project(Path(folder)).root
        self._index = index
        self._progress = progress

    def __repr__(self) -> str:
        return f"<Project {self.settings.requirement} in {self._folder}>"

    @classmethod
    def new(
        cls,
        name: str,
        data: Any,
        target: str = "",
        *,
        into: str | Path = ".",
        query: str = "",
        sheet: str = "",
        model: str = "boosting",
        package: str = "",
        description: str = "",
        keep: Sequence[str] = (),
        leave_out: Sequence[str] = (),
        kinds: Mapping[str, str] | None = None,
        missing: Mapping[str, Sequence[str]] | None = None,
        task: str | None = None,
        positive: str | None = None,
        split: str = "",
        ci: str = "none",
        deploy: Sequence[str] = (),
        licence: str = "none",
        git: bool = True,
        progress: Progress | bool = True,
    ) -> "Project":
        """Create a project around a table: a DataFrame, an Arrow table, or whatever `seatrial new --data` takes.

        `model` is logistic, boosting, forest, lightgbm, xgboost, catboost or auto; `kinds` sets kinds of columns, as
        {"zip": "category"}, and `missing` the texts that mean a missing value in a column: {"country": []} keeps NA as
        a value. `split` is rows, time:COLUMN or group:COLUMN, if not what the table suggests. The decisions about the
        table are comments in the project's schema.py.
        """
        from seatrial.steps.new import choose_targets, create_project, licence_holder, read_table
        from seatrial.template.choice_words import MODEL_WORDS, chosen
        from seatrial.template.creation import Options
        from seatrial.template.inference.examination import examine
        from seatrial.template.inference.model_choice import choose_model
        from seatrial.template.project_name import project_name
        from seatrial.template.prompts import overrides_of
        from seatrial.template.render import check_free

        names = project_name(name, package)
        root = Path(into).absolute() / names.folder
        check_free(root)
        pairs = [f"{column}={kind}" for column, kind in (kinds or {}).items()]
        overrides = overrides_of([*keep], [*leave_out], pairs, task, positive, split=split)
        overrides = replace(overrides, missing={name: tuple(texts) for name, texts in (missing or {}).items()})
        with _reporting(progress) as report:
            source = read_table(data, query=query, sheet=sheet, progress=report)
            examination = examine(source, target, overrides, progress=report)
            named = chosen(model, MODEL_WORDS, "a model")
            used: Any = choose_model(examination, progress=report).model if named == "auto" else named
            targets = choose_targets([*deploy])
            options = Options(names, used, description, licence, licence_holder(), ci, targets)
            create_project(root, examination, options, git=git, progress=report)
        return cls(root, progress=progress)

    @property
    def log(self) -> "ProjectLog":
        """The prediction log: `read`, `export`, `add_labels`, `labels`, `summary` and `forget`."""
        from seatrial.steps.log import open_log

        return open_log(self.settings)

    @property
    def settings(self) -> ProjectSettings:
        """The project's settings, as they are in pyproject.toml now."""
        from seatrial.core.index_settings import choose_index

        settings = find_project(self._folder)
        return replace(settings, index=choose_index(settings.indexes, self._index)) if self._index else settings

    export_sql = _method(_export_sql)
    export_browser = _method(_export_browser)
    tune = _method(_tune)
    train = _method(_train)
    predict = _method(_predict)
    runs = _method(_list_runs)
    compare_runs = _method(_compare_runs)
    export_runs = _method(_export_runs)

    build = _method(_build)
    compare = _method(_compare)

    def trial(self, *, data: str | Path | None = None, traffic: str = "", kind: "Kind | None" = None) -> "TrialResult":
        """Compare the built wheel with the release that it would replace; `data` has more rows to compare on.

        `traffic` is a window of the prediction log, whose rows both answer too: "7d", or FROM..UNTIL.
        `kind` says what kind of change it is (repackage, retrain, redesign); default: the policy's.

        The result has an `outcome`, its `cause` and the `checks`, and shows its page in a notebook. For a wheel that is
        already published, it is the result of the trial that it passed.
        """
        from seatrial.steps.trial import stored_result
        from seatrial.steps.trial_process import judge_pair
        from seatrial.steps.trial_setup import find_pair

        pair = find_pair(self.settings)
        if data is None and kind is None and not traffic and (stored := stored_result(pair)):
            return stored
        with _reporting(self._progress) as report:
            return judge_pair(pair, data=data, traffic=traffic, kind=kind, progress=report)

    def accept(self, reason: str, *, checks: Sequence[str] = (), until: date | None = None) -> "TrialResult":
        """Accept differences that the last trial found (default: all that wait), and return the new verdict."""
        from seatrial.steps.trial_decisions import accept

        return accept(self.settings, reason=reason, checks=checks, until=until)[1]

    publish = _method(_publish)
    release = _method(_release)
    watch = _method(_watch)
    look = _method(_look)
    deploy = _method(_deploy)
    rollback = _method(_rollback)
    stop = _method(_stop)
    canary = _method(_start_canary)
    promote = _method(_promote)
    take_back = _method(_take_back)

    def follow(self, version: str, *, on: str = "local", since: str = "", once: bool = False) -> "Followed":
        """Have a release on the index answer what the one on the target `on` was asked, as the prediction log grows.

        Returns as soon as it is proven that it may be promoted or should be taken back; with `once`, after one look.
        """
        from seatrial.steps.follow import follow

        with _reporting(self._progress) as report:
            return follow(self.settings, version, on=on, since=since, once=once, progress=report)

    @contextmanager
    def serve(
        self,
        release: str = "",
        *,
        host: str = "127.0.0.1",
        port: int = 8001,
        keys: Path | None = None,
        open_: bool = False,
        prediction_log: str = "",
    ) -> Iterator[str]:
        """Serve a release (default: the newest) for the length of a `with` block; yields its URL.

        With a file of access `keys` (default: the project's, if it has one) only callers with one are answered. Other
        machines can call it only with keys, or if it is to be `open_`. `prediction_log` is where each prediction is
        logged, as a folder; default: what [tool.seatrial.log] says.
        """
        from seatrial.core.ports import check_port
        from seatrial.steps.serve import prepare_release, project_keys, serve, served_log, wait_until_ready

        settings = self.settings
        check_port(host, port, hint="Choose another port.")
        with _reporting(self._progress) as report:
            servable = prepare_release(release or settings.name, settings.index, report, settings)
        file = keys or project_keys(settings, open_)
        options = ("--log-level", "warning", *["--open"] * open_, *(("--keys", str(file)) if file else ()))
        log = served_log(settings, prediction_log)
        with serve(servable, host=host, port=port, options=options, log=log) as server:
            yield wait_until_ready(server, host, port)

    refresh = _method(_refresh)
    refresh_from_log = _method(_refresh_from_log)

    def bump(self, part: str = "patch") -> str:
        """Raise the version (patch, minor or major), and return the new one."""
        from seatrial.steps.releases import bump

        return bump(self.settings, part).new

    prove = _method(_prove)

    def releases(self) -> list[dict[str, Any]]:
        """List the releases on the index, oldest first, as rows of a table."""
        from seatrial.steps.releases import list_releases

        settings = self.settings
        return [asdict(release) for release in list_releases(settings.name, settings.index)]

    deployments = _method(_list_deployments)

    def load(self, version: str | None = None) -> "LoadedRelease":
        """Load a release from the index into this interpreter; default: the newest."""
        from seatrial.steps.load import load

        settings = self.settings
        return load(f"{settings.name}=={version}" if version else settings.name, settings.index)


@contextmanager
def _reporting(progress: Progress | bool) -> Iterator[Progress]:
    if callable(progress):
        yield progress
    else:
        with show_progress(quiet=not progress) as report:
            yield report
