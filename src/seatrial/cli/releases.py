"""`seatrial bump`, `build`, `publish`, `release` and `releases`: a version as a wheel, and what is on the index."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    HERE,
    DirtyOption,
    IndexOption,
    JsonOption,
    KindOption,
    OnBadRowsOption,
    ProjectOption,
    argument,
    option,
    release_and_index,
)
from seatrial.steps.project import Project

if TYPE_CHECKING:
    from seatrial.steps.compare import ComparedReleases
    from seatrial.steps.make_release import MadeRelease

FEW = 5  # files that are named one by one


def bump(
    part: Annotated[Literal["patch", "minor", "major"], typer.Argument(help="Which part to raise.")] = "patch",
    when_needed: Annotated[
        bool,
        typer.Option("--when-needed", help="Only if the newest release on the index was trained on another table."),
    ] = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Raise the version in the package's __init__.py; nothing else is changed, and nothing is committed.

    Example: [bold]seatrial bump minor[/]
    """
    from seatrial.steps.releases import bump as raise_version

    raised = raise_version(Project(project, index=index).settings, part, when_needed=when_needed)
    if json:
        show.print_json(asdict(raised))
    elif raised.raised:
        show.plain(f"{raised.old} -> {raised.new}{f': {raised.why}' if raised.why else ''}")
        show.next_step("seatrial train")
    else:
        show.plain(f"{raised.old} stays: {raised.why}.")


def build(project: ProjectOption = HERE, json: JsonOption = False) -> None:
    """Build the trained model into an sdist and a wheel, with PyPA's build; the same inputs give the same bytes.

    Example: [bold]seatrial build[/]
    """
    built = Project(project, progress=not json).build()
    wheel, contents = built.wheel, built.contents
    if json:
        sizes = {"sha256": wheel.sha256, "size": wheel.size}
        show.print_json(
            {
                "wheel": wheel.path,
                "sdist": built.sdist,
                **sizes,
                "contents": contents,
                "left_out": built.left_out,
                "licences_to_look_at": [str(each) for each in built.questionable],
                "carries": asdict(built.carried),
            }
        )
        return
    show.plain(f"{show.short_path(wheel.path)}  {show.file_size(wheel.size)}  sha256 {wheel.sha256[:16]}…")
    size = show.file_size(built.sdist.stat().st_size)
    show.plain(f"{show.short_path(built.sdist)}  {size}  {len(contents)} files: {', '.join(_folded(contents))}")
    show.plain(str(built.carried))
    if licences := built.questionable:
        show.info(f"Licences to look at: {', '.join(map(str, licences))}. `licences` in [tool.seatrial] sets a rule.")
    if built.left_out:
        more = f" and {len(built.left_out) - FEW} more" * (len(built.left_out) > FEW)
        names = ", ".join(built.left_out[:FEW])
        show.info(f"Left out: {names}{more}. To ship a file, add it to git, or to `files` in [tool.seatrial].")
    show.next_step("seatrial trial")


def _folded(paths: Sequence[str]) -> list[str]:
    """Paths for people: the files of a folder that has several are counted."""
    folders = Counter(path.rpartition("/")[0] for path in paths)
    alone = [path for path in paths if "/" not in path or folders[path.rpartition("/")[0]] == 1]
    return sorted([*alone, *(f"{folder}/ ({count})" for folder, count in folders.items() if folder and count > 1)])


def publish(
    allow_dirty: DirtyOption = False,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Publish the built release to the project's package index, if it has passed its trial; never overwrite a release.

    Example: [bold]seatrial publish --index team[/]
    """
    used = Project(project, index=index, progress=not json)
    settings, published = used.settings, used.publish(allow_dirty=allow_dirty)
    if json:
        facts = {"release": settings.requirement, "index": str(settings.index), "already": published.already}
        show.print_json({**facts, "remarks": published.remarks})
    elif published.already:
        show.plain(f"{settings.requirement} is already on the index, with exactly these bytes.")
    else:
        remarks = f". {published.remarks}" if published.remarks else ""
        show.plain(f"{settings.requirement} published to {show.index_location(settings.index)}{remarks}")
        show.next_step("seatrial deploy local")


def release(
    part: Annotated[
        Literal["patch", "minor", "major"],
        typer.Argument(help="Which part of the version to raise, if it must be."),
    ] = "patch",
    deploy: Annotated[str, option("Then deploy to this target.", "--deploy")] = "",
    kind: KindOption = None,
    allow_dirty: DirtyOption = False,
    on_bad_rows: OnBadRowsOption = "fail",
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Train, raise the version where that is needed, build, run the trial and publish: the next release in one command.

    It stops where a person must decide, and says what comes next.

    Example: [bold]seatrial release --deploy local[/]
    """
    used = Project(project, index=index, progress=not json)
    made = used.release(part, deploy=deploy, kind=kind, drop_bad_rows=on_bad_rows == "drop", allow_dirty=allow_dirty)
    if json:
        show.print_json(_document(made))
    else:
        _show_release(made)
    if made.trial and not made.trial.passed:
        raise typer.Exit(made.trial.verdict.exit_code)


def _document(made: "MadeRelease") -> dict[str, object]:
    names = ("name", "version", "previous", "headline", "before", "after")
    facts: dict[str, object] = {name: getattr(made, name) for name in names}
    trial = {"outcome": made.trial.outcome, "cause": made.trial.cause} if made.trial else None
    return {**facts, "trial": trial, "published": bool(made.published), "deployed": bool(made.deployed)}


def _show_release(made: "MadeRelease") -> None:
    label, after = made.headline, f"{made.after:.4g}"
    if made.trial is None:
        show.plain(f"Nothing has changed since {made.name} {made.previous}, which is published: {label} {after}.")
    else:
        show.plain(made.trial.cause)
        before = "" if made.before is None else f"{made.before:.4g} ({made.previous}) -> "
        show.plain(f"{made.name} {made.version}: {label} {before}{after}")
        if made.trial.folder:
            show.plain(f"Result: {show.short_path(made.trial.folder / 'trial.html')}")
    if made.deployed:
        show.plain(f"{made.name} {made.version} is deployed{f': {made.deployed.url}' if made.deployed.url else ''}")
    elif made.trial and not made.trial.passed:
        show.next_step(made.trial.next_step)
    else:
        show.next_step("seatrial deploy local")


def compare(
    old: Annotated[
        str | None, argument("The older one: 0.1.0, name==0.1.0 or a wheel; default: the release before the newer one.")
    ] = None,
    new: Annotated[
        str | None, argument("The newer one; default: the wheel just built, or else the newest release.")
    ] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """Show two releases side by side: metrics with their intervals, and what changed: data, schema, code, parameters.

    It reads both wheels and runs nothing; `seatrial trial` compares their predictions on the same rows.

    Example: [bold]seatrial compare 0.1.0 0.2.0[/]
    """
    used = Project(project, index=index, progress=not json)
    compared = used.compare(old, new)
    made = compared.comparison
    if json:
        show.print_json(_compared(compared))
        return
    before, after = made.old.version, made.new.version
    show.table(
        f"{made.new.name} {before} and {after}",
        ("", before, "95 % interval", after, "95 % interval", "change"),
        [(m.label, m.old, m.old_interval, m.new, m.new_interval, m.change) for m in made.metrics],
        right=(1, 2, 3, 4, 5),
    )
    show.plain(f"{made.note}\n")
    rows = [(f"{change.group}: {change.what}", change.old, change.new) for change in made.changes]
    rows += [(f"code: {each.name}", "", each.state) for each in made.modules]
    if rows:
        show.table("", ("what changed", before, after), rows)
    else:
        show.plain("Nothing else differs: schema, features, parameters, data, settings, libraries and code.")
    if compared.verdict:
        show.plain(f"\nTrial: {compared.verdict}")
    show.plain(f"Page: {show.short_path(compared.page)}")


def _compared(compared: "ComparedReleases") -> dict[str, object]:
    made = compared.comparison
    versions = {"old": made.old.version, "new": made.new.version}
    metrics = {role: (wheel.release or {})["metrics"] for role, wheel in (("old", made.old), ("new", made.new))}
    lists = {key: [asdict(each) for each in getattr(made, key)] for key in ("changes", "modules")}
    facts = {"note": made.note, "trial": compared.verdict, "page": compared.page}
    return {"name": made.new.name, **versions, "metrics": metrics, **lists, **facts}


def releases(
    name: Annotated[str | None, typer.Argument(help="Only this model; default: the project's own.")] = None,
    index: IndexOption = None,
    project: ProjectOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the releases on the index: date, size, metrics, and which one is served.

    Example: [bold]seatrial releases --json[/]
    """
    from seatrial.pages.words import short
    from seatrial.steps.overview import write_overview
    from seatrial.steps.releases import list_releases

    model, settings = release_and_index(name, index, project)
    listed = list_releases(model, settings)
    if json:
        show.print_json([asdict(release) for release in listed])
        return
    if not listed:
        show.info(f"No release of {model} on {show.index_location(settings)} yet.")
        return
    headline = next((release.headline for release in reversed(listed) if release.headline), "")
    show.table(
        "",
        ("release", "published", "size", headline, "engine", "served"),
        [
            (
                f"{release.name} {release.version}{'' if release.yanked is None else ' (yanked)'}",
                release.published[:16].replace("T", " "),
                show.file_size(release.size),
                "" if release.value is None else short(release.value),
                release.engine,
                ", ".join(release.served),
            )
            for release in listed
        ],
        right=(2, 3),
    )
    if name is None:
        with suppress(OSError):  # a list can be read where nothing may be written
            page = write_overview(Project(project, index=index).settings)
            show.info(f"Page: {show.short_path(page)}, with links to reports, trials and comparisons")
