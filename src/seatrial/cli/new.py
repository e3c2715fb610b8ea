"""`seatrial new`: a project around your own table."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seatrial.cli import show
from seatrial.cli.options import (
    HERE,
    DecimalOption,
    DeployOption,
    EncodingOption,
    HeaderOption,
    QueryOption,
    SeparatorOption,
    SheetOption,
    argument,
    csv_options,
    deploy_targets,
    option,
    word_option,
)
from seatrial.core.choices import Provider
from seatrial.core.errors import SeatrialError
from seatrial.template.choice_words import CI_WORDS, LICENCE_WORDS, MODEL_WORDS, TASK_WORDS, Words, chosen

if TYPE_CHECKING:
    from seatrial.steps.new import NewProject
    from seatrial.steps.project_files import StalePipeline
    from seatrial.template.records import Examination, Overrides

Ci = Literal[Provider, "none"]
CiOption = Annotated[Ci, word_option(CI_WORDS, "a CI service", "The CI service")]
LIMIT = 60  # columns on the screen, and as many notes
ABOUT_THE_TABLE = ("task", "positive", "rows", "data", "target", "split")
EXAMPLE = "seatrial new churn --data customers.csv --target churned --yes"


def new(
    name: Annotated[str, argument("The name of the project and its folder.")] = "",
    data: Annotated[
        str, option("CSV, Parquet or Excel, a URL, a database with --query, sklearn:NAME, openml:NAME.")
    ] = "",
    target: Annotated[str, option("The column to predict.")] = "",
    query: QueryOption = "",
    sheet: SheetOption = "",
    model: Annotated[str, word_option(MODEL_WORDS, "a model", "The model, or auto to compare them")] = "boosting",
    ci: CiOption = "none",
    licence: Annotated[str, word_option(LICENCE_WORDS, "a licence", "The project's licence")] = "none",
    deploy: DeployOption = "local",
    package: Annotated[str, option("The package's name; default: NAME_model.")] = "",
    describe: Annotated[str, option("What the model predicts, in a sentence.")] = "",
    keep: Annotated[list[str] | None, typer.Option(help="A column to use although it would be left out.")] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="A column not to use.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="COLUMN=KIND, for example zip=category.")] = None,
    task: Annotated[str | None, word_option(TASK_WORDS, "a task", "The task, instead of the inferred one")] = None,
    positive: Annotated[str | None, typer.Option(help="The positive label.")] = None,
    missing: Annotated[
        list[str] | None, option("COLUMN=TEXT,...: what means missing in it; `country=` keeps NA.")
    ] = None,
    split: Annotated[str, option("What rows are held out by: rows, time:COLUMN or group:COLUMN.")] = "",
    decimal: DecimalOption = None,
    separator: SeparatorOption = None,
    encoding: EncodingOption = None,
    header: HeaderOption = None,
    into: Annotated[Path, option("The folder to create the project's folder in.")] = HERE,
    git: Annotated[bool, typer.Option("--git/--no-git", help="Create a git repository with a first commit.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Create a project around a table: schema, features, pipeline, tests, and what else you choose.

    Example: [bold]seatrial new churn --data customers.csv --target churned[/]
    """
    from seatrial.steps.new import create_project, licence_holder, read_table
    from seatrial.template.creation import Options
    from seatrial.template.inference.examination import examine
    from seatrial.template.project_name import project_name
    from seatrial.template.prompts import overrides_of
    from seatrial.template.render import check_free

    incomplete = not (name and data)
    if incomplete and yes:
        raise SeatrialError("The name or the table is missing.", hint=EXAMPLE)
    name = name or _ask("Name of the project")
    names = project_name(name, package)
    root = into.absolute() / names.folder
    check_free(root)
    targets = deploy_targets(deploy)
    data = data or _ask("Table (CSV, Parquet, Excel, sklearn:NAME)")
    overrides = overrides_of(keep or [], leave_out or [], kind or [], task, positive, missing or [], split)
    with show.progress() as progress:
        options = csv_options(separator, encoding, header, decimal)
        source = read_table(data, query=query, sheet=sheet, options=options, progress=progress)
    interactive = not yes and (incomplete or sys.stdin.isatty())
    if not (target or source.target):
        target = _ask_target(source.columns, interactive)
    with show.progress() as progress:
        examination = examine(source, target, overrides, progress=progress)
    show_examination(examination)
    if interactive:
        examination = _confirmed(examination, overrides)
    if incomplete and interactive:
        ci = _choose("CI", CI_WORDS, ci)
        licence = _choose("Licence", LICENCE_WORDS, licence)
        targets = deploy_targets(_ask("Deploy to (local, docker, railway, kubernetes)", deploy))
    chosen = _chosen_model(model, examination)
    with show.progress() as progress:
        settings = Options(names, chosen, describe, licence, licence_holder(), ci, targets)
        created = create_project(root, examination, settings, git=git, progress=progress)
    _show(created)


def _ask(question: str, default: str | None = None) -> str:
    try:
        return str(typer.prompt(question, default=default, err=True)).strip()
    except typer.Abort:
        if sys.stdin.isatty():
            raise typer.Exit(130) from None  # Ctrl-C
        raise SeatrialError(f"No answer to: {question}.", hint=EXAMPLE) from None


def _ask_target(columns: tuple[str, ...], interactive: bool) -> str:
    if not interactive:
        raise SeatrialError(
            "The column to predict is missing.", hint=f"Name it with --target: {', '.join(columns[:20])}."
        )
    show.info(f"Its columns: {', '.join(columns[:40])}")
    return _ask("Column to predict")


def _choose(question: str, words: Words, default: str) -> Any:
    while True:
        try:
            return chosen(_ask(f"{question} ({', '.join(words)})", default), words, "one of the choices")
        except SeatrialError as error:
            show.error(error.message, error.hint)


def _confirmed(examination: "Examination", overrides: "Overrides") -> "Examination":
    """Show what was inferred, and change it until a person agrees."""
    from seatrial.template.inference.examination import examine
    from seatrial.template.prompts import CHANGES, change

    target = examination.target.source
    show.info(f"\nPress Enter to create the project. To change something: {CHANGES}. `quit` creates nothing.")
    while True:
        answer = _answer_or_enter()
        if not answer or answer.lower() in ("yes", "y", "ok"):
            return examination
        if answer.lower() in ("quit", "q", "no", "n"):
            show.info("Nothing was created.")
            raise typer.Exit(1)
        try:
            new_target, new_overrides = change(answer, target, overrides)
            with show.progress() as progress:
                examination = examine(examination.source, new_target, new_overrides, progress=progress)
            target, overrides = new_target, new_overrides
        except SeatrialError as error:
            show.error(error.message, error.hint)
            continue
        show_examination(examination)


def _answer_or_enter() -> str:
    try:
        return str(typer.prompt("", default="", show_default=False, prompt_suffix="> ", err=True)).strip()
    except typer.Abort:
        if sys.stdin.isatty():
            raise typer.Exit(130) from None
        return ""  # the end of piped answers


def _chosen_model(model: str, examination: "Examination") -> Any:
    if model != "auto":
        return model
    from seatrial.pages.words import plain
    from seatrial.template.inference.model_choice import choose_model

    with show.progress() as progress:
        choice = choose_model(examination, progress=progress)
    for tried in choice.scores:
        figure = plain(tried.mean) if tried.scores else "-"
        show.info(f"  {tried.model}: {figure} {choice.measure}, {tried.seconds:.1f} s {tried.note}".rstrip())
    show.info(f"  chosen: {choice.model}, {choice.why}")
    return choice.model


def _show(created: "NewProject") -> None:
    for stale in created.pipeline.stale:
        show.info(_advice(stale))
    if created.pipeline.error:
        show.error(created.pipeline.error.message, created.pipeline.error.hint)
    if created.uncommitted:
        show.info(f"The repository has no commit yet: {created.uncommitted}.")
    show.ignored(created.ignored)
    show.out.print(f"\n[bold]{show.short_path(created.root)}[/] is created. Next:\n")
    for line in _next(created.root):
        show.plain(f"    {line}")
    show.plain("\nIts README.md explains what is where, and how to change it.")


def _advice(stale: "StalePipeline") -> str:
    path = show.short_path(stale.path)
    if stale.ours:
        return (
            f"{path} does not include the project yet. Run `seatrial ci {stale.service} --force` there to write it "
            f"again, for {stale.projects}."
        )
    return (
        f"{path} exists with other content, and was not changed. "
        f"`seatrial ci {stale.service}` in the project shows the difference."
    )


def _next(root: Path) -> list[str]:
    import shlex
    import shutil

    scripts = Path(sys.executable).parent
    command = shutil.which("seatrial")
    on_path = command is not None and Path(command).parent.resolve() == scripts.resolve()
    enter = f"cd {shlex.quote(show.short_path(root))}"
    if not on_path and any((scripts / name).exists() for name in ("seatrial", "seatrial.exe")):
        return [enter, f"{shlex.quote(str(scripts / 'seatrial'))} demo"]
    return [enter, "make demo      (without make: seatrial demo)"]


def show_examination(examination: "Examination", *, features: bool = True) -> None:
    """Print what was read, each column with its use, and the decisions; with `features` those about features.py."""
    for line in heading(examination):
        show.err.print(line, markup=False)
    show.table("", ("column", "is", "values", "missing", "use"), column_rows(examination), right=(3,), to=show.err)
    if listed := notes(examination, features=features):
        show.info("")
        show.table("", ("column", "note"), listed, to=show.err)


def heading(examination: "Examination") -> list[str]:
    """Describe the source and how it was read, the target, and the decisions about the whole table."""
    source, target = examination.source, examination.target
    facts = ", ".join(f"{name} {value}" for name, value in source.facts.items())
    lines = [
        "",
        f"{source.name}: {source.rows:,} rows, {len(source.columns)} columns" + (f" ({facts})" if facts else ""),
    ]
    if target.task == "regression":
        lines.append(f"Predicts {target.name}, a number from {target.minimum:g} to {target.maximum:g}.")
    else:
        counts = dict(target.labels)
        labels = ", ".join(f"{label} ({counts[label]:,})" for label in target.ordered[:10])
        more = f" and {len(target.ordered) - 10} more" if len(target.ordered) > 10 else ""
        lines.append(f"Predicts {target.name}, {target.task}: {labels}{more}.")
    lines += [f"  {decision}" for decision in examination.decisions if decision.about in ABOUT_THE_TABLE]
    return [*lines, *([f"  {examination.sampled}"] if examination.sampled else []), ""]


def column_rows(examination: "Examination") -> list[tuple[str, str, str, str, str]]:
    """One row for each column, the target first."""
    from seatrial.template.inference.overview import column_overviews

    lines = column_overviews(examination)
    rows = [(line.name, line.kind, line.values, line.missing, line.use) for line in lines[:LIMIT]]
    return [*rows, (f"and {len(lines) - LIMIT} more", "", "", "", "")] if len(lines) > LIMIT else rows


def notes(examination: "Examination", *, features: bool) -> list[tuple[str, str]]:
    """One row for each column about which something was decided: all its decisions, with their evidence."""
    from seatrial.template.codegen.features import feature_code

    decisions = [*examination.decisions, *(feature_code(examination).decisions if features else ())]
    found: dict[str, list[str]] = {}
    for decision in decisions:
        if decision.about not in ABOUT_THE_TABLE:
            found.setdefault(decision.column, []).append(f"{decision.what}: {decision.reason}")
    rows = [(column, "; ".join(texts)) for column, texts in found.items()]
    more = [(f"and {len(rows) - LIMIT} more", "see the comments in schema.py")] if len(rows) > LIMIT else []
    return [*rows[:LIMIT], *more]
