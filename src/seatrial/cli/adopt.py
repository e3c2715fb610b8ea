"""`seatrial adopt`: a project made of a repository that is there."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seatrial.cli import show
from seatrial.cli.new import Ci, _examine, _show, _targets, read_table
from seatrial.cli.options import HERE
from seatrial.cli.update import LOOK
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.template.adoption import Adoption
    from seatrial.template.project_name import ProjectName


def adopt(
    folder: Annotated[Path, typer.Argument(help="The repository; default: where you are.", show_default=False)] = HERE,
    data: Annotated[str, typer.Option("--data", help="The table, as for `seatrial new`.", show_default=False)] = "",
    target: Annotated[str, typer.Option("--target", help="The column to predict.", show_default=False)] = "",
    pipeline: Annotated[
        str,
        typer.Option("--pipeline", help="The function that makes it, as package.module:function.", show_default=False),
    ] = "",
    fitted: Annotated[
        Path | None, typer.Option("--fitted", help="A fitted model, saved with skops.", show_default=False)
    ] = None,
    trust: Annotated[list[str] | None, typer.Option("--trust", help="A type in it that you know.")] = None,
    load_pickle: Annotated[bool, typer.Option("--load-pickle", help="It is a pickle of your own: run it.")] = False,
    ci: Annotated[Ci, typer.Option("--ci", help="The CI service.")] = "none",
    deploy: Annotated[str, typer.Option("--deploy", help="Of local, docker, railway, kubernetes; by comma.")] = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; what is there is changed as shown.")] = False,
) -> None:
    """Make a project of a repository: add what is missing, change nothing without showing it first.

    Example: [bold]seatrial adopt --data data/customers.csv --target churned --pipeline churn.model:make_pipeline[/]
    """
    from seatrial.template.adoption import adopt as work_out
    from seatrial.template.adoption import names_of, write
    from seatrial.template.creation import Options
    from seatrial.template.legacy_packaging import FILES

    root = folder.absolute()
    if not root.is_dir():
        raise SeatrialError(f"{root} is no folder.", hint="`seatrial new` makes a project where nothing is.")
    names = names_of(root)
    if not data:
        raise SeatrialError("Which table is it about?", hint="seatrial adopt --data customers.csv --target churned")
    text = _pipeline(root, names, pipeline, fitted, trust or [], load_pickle)
    examination = _examine(read_table(data, "", None, None, None), target, _no_wishes())
    _show(examination, features=not (root / "src" / names.package / "features.py").exists())
    table = ""
    source = examination.source
    if (
        source.path
        and source.clean
        and not examination.changes
        and source.path.resolve().is_relative_to(root.resolve())
    ):
        table = source.path.resolve().relative_to(root.resolve()).as_posix()
    options = Options(names, ci=ci, deploy=_targets(deploy), table=table)
    with show.steps() as step:
        step("looking for what is missing")
        adoption = work_out(root, examination, options, pipeline=text)
    _tell(adoption)
    older = [name for name in FILES if (root / name).exists()]
    if older and not (root / "pyproject.toml").exists():
        show.say(f"pip reads pyproject.toml from now on, which has what {' and '.join(older)} said.")
    if not adoption.added and not adoption.changed:
        show.say("Nothing is missing.")
        return
    if not yes and not _agreed():
        raise typer.Exit(1)
    write(root, adoption)
    _add_pieces(root, ci, options.deploy)
    show.say(f"Done. {LOOK} shows it; `seatrial train` is next.")


def _no_wishes() -> Any:
    from seatrial.template import Overrides

    return Overrides()


def _pipeline(
    root: Path, names: "ProjectName", pipeline: str, fitted: Path | None, trust: list[str], load_pickle: bool
) -> str:
    """The text of pipeline.py, "" where there is one, or where the template is to write it."""
    from seatrial.template.codegen.estimators import find_builders, fitted_models, from_fitted, imported

    if pipeline and fitted:
        raise SeatrialError("A pipeline comes from --pipeline or from --fitted, not from both.")
    if fitted:
        with show.steps() as step:
            step(f"reading {fitted.name}")
            return from_fitted(fitted, load_pickle=load_pickle, trust=tuple(trust))
    if pipeline:
        return imported(pipeline, root, names.package)
    found = find_builders(root, names.package)
    if f"{names.package}.pipeline:build" in found:
        return ""
    if len(found) > 1:
        raise SeatrialError(
            f"Several functions seem to make a pipeline: {', '.join(found)}.", hint=f"Choose: --pipeline {found[0]}"
        )
    if found:
        show.say(f"The pipeline is that of {found[0]}.")
        return imported(found[0], root, names.package)
    show.say("No function that makes a pipeline was found; the template writes one. Yours: --pipeline or --fitted.")
    for path in fitted_models(root):
        show.say(f"  A fitted model lies here, perhaps: --fitted {show.place(path)}")
    return ""


def _tell(adoption: "Adoption") -> None:
    for proposal in adoption.added:
        show.out.print(f"  new      {proposal.path}", markup=False)
    for path in adoption.kept:
        show.out.print(f"  stays    {path}", markup=False)
    for proposal in adoption.changed:
        show.out.print(f"  changes  {proposal.path}\n{proposal.diff}", markup=False)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        show.error("Nothing was written.", "Look at the above; --yes does it.")
        return False
    if typer.confirm("Do it?", default=False, err=True):
        return True
    show.say("Nothing was written.")
    return False


def _add_pieces(root: Path, ci: str, targets: tuple[str, ...]) -> None:
    from seatrial.cli.project_files import piece_files, write_missing
    from seatrial.core.project import find_project

    _, left = write_missing(piece_files(find_project(root), ci, targets))
    for each in left:
        show.say(f"{show.place(each.path)} is there with other content, and was left as it is.")
