"""The Python API: a project with the steps of a model's life as methods, for notebooks and orchestrators."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings, find_project
from seatrial.steps.progress import show_progress

if TYPE_CHECKING:
    from seatrial.deploy import DeploymentResult
    from seatrial.release import BuiltRelease, Published
    from seatrial.steps.deploy import TargetDeployments
    from seatrial.steps.load import LoadedRelease
    from seatrial.steps.prove import ProofResult
    from seatrial.steps.refresh import RefreshedTable
    from seatrial.steps.trial import TrialResult
    from seatrial.train import Run

P = ParamSpec("P")
R = TypeVar("R")


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
        task: str | None = None,
        positive: str | None = None,
        ci: str = "none",
        deploy: Sequence[str] = (),
        licence: str = "none",
        git: bool = True,
        progress: Progress | bool = True,
    ) -> "Project":
        """Create a project around a table: a DataFrame, an Arrow table, or whatever `seatrial new --data` takes.

        `model` is logistic, boosting, forest or auto; `kinds` sets kinds of columns, as {"zip": "category"}. The
        decisions about the table are comments in the project's schema.py.
        """
        from seatrial.steps.new import choose_targets, create_project, examine_table, licence_holder, read_table
        from seatrial.template.creation import Options
        from seatrial.template.inference.model_choice import choose_model
        from seatrial.template.project_name import project_name
        from seatrial.template.prompts import overrides_of
        from seatrial.template.render import check_free

        names = project_name(name, package)
        root = Path(into).absolute() / names.folder
        check_free(root)
        pairs = [f"{column}={kind}" for column, kind in (kinds or {}).items()]
        overrides = overrides_of([*keep], [*leave_out], pairs, task, positive)
        with _reporting(progress) as report:
            examination = examine_table(
                read_table(data, query=query, sheet=sheet, progress=report), target, overrides, report
            )
            chosen: Any = choose_model(examination, progress=report).model if model == "auto" else model
            targets = choose_targets([*deploy])
            options = Options(names, chosen, description, licence, licence_holder(), ci, targets)
            create_project(root, examination, options, git=git, progress=report)
        return cls(root, progress=progress)

    @property
    def settings(self) -> ProjectSettings:
        """The project's settings, as they are in pyproject.toml now."""
        from seatrial.core.index_settings import choose_index

        settings = find_project(self._folder)
        return replace(settings, index=choose_index(settings.indexes, self._index)) if self._index else settings

    def train(self, *, drop_bad_rows: bool = False) -> "Run":
        """Fit, evaluate and compile the model; the run has `metrics`, and shows its report in a notebook."""
        from seatrial.steps.train import train

        return self._run(train, drop_bad_rows=drop_bad_rows)

    def build(self) -> "BuiltRelease":
        """Build the trained model into an sdist and a wheel."""
        from seatrial.release import build_release

        with _reporting(self._progress) as report:
            return build_release(self.settings, report)

    def trial(self, *, data: str | Path | None = None) -> "TrialResult":
        """Compare the built wheel with the release that it would replace; `data` has more rows to compare on.

        The result has an `outcome`, its `cause` and the `checks`, and shows its page in a notebook. For a wheel that is
        already published, it is the result of the trial that it passed.
        """
        from seatrial.steps.trial import run_trial, stored_result
        from seatrial.steps.trial_setup import find_pair

        pair = find_pair(self.settings)
        if data is None and (stored := stored_result(pair)):
            return stored
        with _reporting(self._progress) as report:
            return run_trial(pair, data=Path(data) if data else None, progress=report)

    def accept(self, reason: str, *, checks: Sequence[str] = (), until: date | None = None) -> "TrialResult":
        """Accept differences that the last trial found (default: all that wait), and return the new verdict."""
        from seatrial.steps.trial import accept

        return accept(self.settings, reason=reason, checks=checks, until=until)[1]

    def publish(self) -> "Published":
        """Publish the built release to the index, if it has passed its trial."""
        from seatrial.steps.publish import publish

        return self._run(publish)

    def deploy(
        self,
        target: str = "local",
        version: str | None = None,
        *,
        reason: str = "",
        git: bool = True,
        push: bool = False,
    ) -> "DeploymentResult":
        """Put a release into service (default: the newest), if it passed its trial against the one running there."""
        from seatrial.steps.deploy import deploy

        return self._run(deploy, target, version, reason=reason, git=git, push=push)

    def rollback(
        self, target: str = "local", to: str | None = None, *, reason: str = "", git: bool = True, push: bool = False
    ) -> "DeploymentResult":
        """Go back to the previous healthy release, or to the version `to`."""
        from seatrial.steps.deploy import rollback

        return self._run(rollback, target, to, reason=reason, git=git, push=push)

    def stop(self, target: str = "local") -> bool:
        """Stop the service on a target; returns whether it was running."""
        from seatrial.steps.deploy import stop

        return stop(self.settings, target)

    @contextmanager
    def serve(self, release: str = "", *, host: str = "127.0.0.1", port: int = 8001) -> Iterator[str]:
        """Serve a release (default: the newest) for the length of a `with` block; yields its URL."""
        from seatrial.core.ports import check_port
        from seatrial.steps.serve import prepare_release, serve, wait_until_ready

        settings = self.settings
        check_port(host, port, hint="Choose another port.")
        with _reporting(self._progress) as report:
            servable = prepare_release(release or settings.name, settings.index, report)
        with serve(servable, host=host, port=port, options=("--log-level", "warning")) as server:
            yield wait_until_ready(server, host, port)

    def refresh(self, data: Any, *, query: str = "", sheet: str = "", drop_bad_rows: bool = False) -> "RefreshedTable":
        """Replace the project's table with a newer one: a DataFrame, Arrow table, or what `seatrial refresh` takes."""
        from seatrial.steps.new import read_table
        from seatrial.steps.refresh import refresh

        with _reporting(self._progress) as report:
            source = read_table(data, query=query, sheet=sheet, progress=report)
            return refresh(self.settings, source, drop_bad_rows=drop_bad_rows, progress=report)

    def bump(self, part: str = "patch") -> str:
        """Raise the version (patch, minor or major), and return the new one."""
        from seatrial.steps.bump import bump

        return bump(self.settings, part).new

    def prove(self, *, quick: bool = False) -> "ProofResult":
        """Inject faults into copies of the built release, and see which of them the trial catches."""
        from seatrial.steps.prove import prove

        return self._run(prove, quick=quick)

    def releases(self) -> list[dict[str, Any]]:
        """List the releases on the index, oldest first, as rows of a table."""
        from seatrial.steps.releases import list_releases

        settings = self.settings
        return [asdict(release) for release in list_releases(settings.name, settings.index)]

    def deployments(self, target: str | None = None) -> "list[TargetDeployments]":
        """List what was deployed to each target, and what is serving there."""
        from seatrial.steps.deploy import list_deployments

        return list_deployments(self.settings, target)

    def load(self, version: str | None = None) -> "LoadedRelease":
        """Load a release from the index into this interpreter; default: the newest."""
        from seatrial.steps.load import load

        settings = self.settings
        return load(f"{settings.name}=={version}" if version else settings.name, settings.index)

    def _run(self, step: Callable[Concatenate[ProjectSettings, P], R], *args: P.args, **options: P.kwargs) -> R:
        with _reporting(self._progress) as report:
            return step(self.settings, *args, **{**options, "progress": report})  # type: ignore[arg-type]


@contextmanager
def _reporting(progress: Progress | bool) -> Iterator[Progress]:
    if callable(progress):
        yield progress
    else:
        with show_progress(quiet=not progress) as report:
            yield report
