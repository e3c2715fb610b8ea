"""`seatrial adopt`: an existing repository becomes a project."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seatrial.cli import show
from seatrial.cli.new import CiOption, show_examination
from seatrial.cli.options import HERE, DeployOption, SheetOption, argument, deploy_targets, option
from seatrial.cli.update import REVIEW
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.template.adoption import Adoption
    from seatrial.template.project_name import ProjectName


def adopt(
    folder: Annotated[Path, argument("The repository; default: the current folder.")] = HERE,
    data: Annotated[str, option("The table, as for `seatrial new`.")] = "",
    sheet: SheetOption = "",
    target: Annotated[str, option("The column to predict.")] = "",
    pipeline: Annotated[str, option("The function that builds it, as package.module:function.")] = "",
    fitted: Annotated[Path | None, option("A fitted model, saved with skops.")] = None,
    trust: Annotated[list[str] | None, typer.Option(help="A type in the fitted model that you trust.")] = None,
    load_pickle: Annotated[
        bool, typer.Option("--load-pickle", help="Allow a pickle as the fitted model; loading it runs its code.")
    ] = False,
    ci: CiOption = "none",
    deploy: DeployOption = "local",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; change existing files as shown.")] = False,
) -> None:
    """Turn a repository into a project: add what is missing, change nothing without showing it first.

    Example: [bold]seatrial adopt --data data/customers.csv --target churned --pipeline churn.model:make_pipeline[/]
    """
    from seatrial.steps.adopt import pipeline_from, plan_adoption, write_adoption
    from seatrial.steps.new import read_table
    from seatrial.template.adoption import names_of
    from seatrial.template.inference.examination import examine
    from seatrial.template.records import Overrides

    root = folder.absolute()
    if not root.is_dir():
        raise SeatrialError(f"{root} is not a folder.", hint="`seatrial new` creates a project from scratch.")
    names = names_of(root)
    if not data:
        raise SeatrialError("No table is named.", hint="seatrial adopt --data customers.csv --target churned")
    with show.progress() as progress:
        if pipeline or fitted:
            text = pipeline_from(
                root,
                names,
                function=pipeline,
                fitted=fitted,
                trust=trust or [],
                load_pickle=load_pickle,
                progress=progress,
            )
        else:
            text = _find_pipeline(root, names)
        source = read_table(data, sheet=sheet, progress=progress)
        examination = examine(source, target, Overrides(), progress=progress)
    show_examination(examination, features=not (root / "src" / names.package / "features.py").exists())
    targets = deploy_targets(deploy)
    with show.progress() as progress:
        adoption = plan_adoption(root, names, examination, pipeline=text, ci=ci, targets=targets, progress=progress)
    _show(adoption)
    if not adoption.added and not adoption.changed:
        show.info("Nothing to add or change.")
        return
    if not yes and not _agreed():
        raise typer.Exit(1)
    for difference in write_adoption(root, adoption, ci, targets):
        show.info(f"{show.short_path(difference.path)} exists with other content, and was not changed.")
    show.info(f"Done. Review it with {REVIEW}, then run `seatrial train`.")


def _find_pipeline(root: Path, names: "ProjectName") -> str:
    from seatrial.steps.adopt import find_pipeline

    code = find_pipeline(root, names)
    if code is None:
        return ""
    if code.function:
        show.info(f"The pipeline is built by {code.function}.")
    else:
        show.info("No function that builds a pipeline was found, so the template writes one.")
        show.info("To use your own: --pipeline or --fitted.")
    for path in code.fitted:
        show.info(f"  This may be a fitted model: --fitted {show.short_path(path)}")
    return code.text


def _show(adoption: "Adoption") -> None:
    for path in adoption.added:
        show.plain(f"  new      {path}")
    for path in adoption.kept:
        show.plain(f"  stays    {path}")
    for path, diff in adoption.diffs.items():
        show.plain(f"  changes  {path}\n{diff}")


def _agreed() -> bool:
    if not sys.stdin.isatty():
        show.error("Nothing was written.", "Review the changes above; --yes writes them.")
        return False
    if typer.confirm("Write these changes?", default=False, err=True):
        return True
    show.info("Nothing was written.")
    return False
