"""`seatrial new`: a project around a person's own table."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from seatrial.cli import show
from seatrial.cli.options import HERE
from seatrial.core.choices import TARGETS, Provider
from seatrial.core.errors import SeatrialError

if TYPE_CHECKING:
    from seatrial.template import Examination, Overrides, TableSource
    from seatrial.template.creation import Options

Ci = Literal[Provider, "none"]
Licence = Literal["mit", "apache", "bsd", "none"]


class Model(StrEnum):
    """The estimator that pipeline.py starts with."""

    logistic = "logistic"
    boosting = "boosting"
    forest = "forest"
    auto = "auto"


class TaskChoice(StrEnum):
    """What kind of thing is predicted."""

    binary = "binary"
    multiclass = "multiclass"
    regression = "regression"


def new(
    name: Annotated[str, typer.Argument(help="The project's name, which its folder gets.", show_default=False)] = "",
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="CSV, Parquet or Excel, a database URL with --query, sklearn:NAME, openml:NAME.",
            show_default=False,
        ),
    ] = "",
    target: Annotated[str, typer.Option("--target", help="The column to predict.", show_default=False)] = "",
    query: Annotated[str, typer.Option("--query", help="The SQL query, for a database.", show_default=False)] = "",
    sheet: Annotated[
        str, typer.Option("--sheet", help="The sheet of an Excel or OpenDocument file.", show_default=False)
    ] = "",
    model: Annotated[Model, typer.Option("--model", help="auto compares them by cross-validation.")] = Model.boosting,
    ci: Annotated[Ci, typer.Option("--ci", help="The CI service.")] = "none",
    licence: Annotated[Licence, typer.Option("--licence", help="The project's licence.")] = "none",
    deploy: Annotated[str, typer.Option("--deploy", help="Of local, docker, railway, kubernetes; by comma.")] = "local",
    package: Annotated[
        str, typer.Option("--package", help="The package's name; default: NAME_model.", show_default=False)
    ] = "",
    describe: Annotated[
        str, typer.Option("--describe", help="What the model predicts, in a sentence.", show_default=False)
    ] = "",
    keep: Annotated[list[str] | None, typer.Option("--keep", help="A column to use that would be left out.")] = None,
    leave_out: Annotated[list[str] | None, typer.Option("--leave-out", help="A column not to use.")] = None,
    kind: Annotated[list[str] | None, typer.Option("--kind", help="COLUMN=KIND, as zip=category.")] = None,
    task: Annotated[TaskChoice | None, typer.Option("--task", help="Instead of the one found.")] = None,
    positive: Annotated[str | None, typer.Option("--positive", help="The label that counts as yes.")] = None,
    separator: Annotated[str | None, typer.Option("--separator", help="Of a CSV file.", show_default=False)] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="Of a CSV file.", show_default=False)] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Of a CSV file.", show_default=False)
    ] = None,
    into: Annotated[
        Path, typer.Option("--into", help="The folder to make the project's in.", show_default=False)
    ] = HERE,
    git: Annotated[bool, typer.Option("--git/--no-git", help="Make a repository, with a first commit.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
) -> None:
    """Make a project around a table: schema, features, pipeline, tests, and what else is chosen.

    Example: [bold]seatrial new churn --data customers.csv --target churned[/]
    """
    from seatrial.template.creation import Options
    from seatrial.template.project_name import project_name
    from seatrial.template.prompts import overrides_of
    from seatrial.template.render import check_free

    asked = not (name and data)
    if asked and yes:
        raise SeatrialError(
            "There is no name or no table.", hint="seatrial new churn --data customers.csv --target churned --yes"
        )
    name = name or _ask("Name of the project")
    names = project_name(name, package)
    root = into.absolute() / names.folder
    check_free(root)
    targets = _targets(deploy)
    data = data or _ask("Table (CSV, Parquet, Excel, sklearn:NAME)")
    wishes = overrides_of(keep or [], leave_out or [], kind or [], task.value if task else None, positive)
    source = read_table(data, query, separator, encoding, header, sheet)
    talk = not yes and (asked or sys.stdin.isatty())
    if not (target or source.target):
        if not talk:
            raise SeatrialError(
                "Which column shall be predicted?", hint=f"--target; there are {', '.join(source.columns[:20])}."
            )
        show.say(f"Its columns: {', '.join(source.columns[:40])}")
        target = _ask("Column to predict")
    examination = _examine(source, target, wishes)
    _show(examination)
    if talk:
        examination = _confirmed(examination, wishes)
    if asked and talk:
        ci = _choose("CI", get_args(Ci), ci)
        licence = _choose("Licence", get_args(Licence), licence)
        targets = _targets(_ask("Deploy to (local, docker, railway, kubernetes)", deploy))
    options = Options(
        names, _chosen_model(model, examination), describe, licence, _holder(), ci, targets
    )  # fmt: skip
    _make(root, examination, options, git=git)


def _ask(question: str, default: str | None = None) -> str:
    try:
        return str(typer.prompt(question, default=default, err=True)).strip()
    except typer.Abort:
        if sys.stdin.isatty():
            raise typer.Exit(130) from None  # Ctrl-C
        raise SeatrialError(
            f"No answer to: {question}.", hint="seatrial new churn --data customers.csv --target churned --yes"
        ) from None


def _choose(question: str, choices: tuple[str, ...], default: str) -> Any:
    while True:
        answer = _ask(f"{question} ({', '.join(choices)})", default)
        if answer in choices:
            return answer
        show.say(f"{answer!r} is none of them.")


def _targets(text: str) -> tuple[str, ...]:
    chosen = [word.strip() for word in text.split(",") if word.strip()]
    for word in chosen:
        if word not in TARGETS:
            raise SeatrialError(f"{word!r} is no deployment target.", hint=f"There are {', '.join(TARGETS)}.")
    return tuple(dict.fromkeys(["local", *chosen]))


def read_table(
    data: str, query: str, separator: str | None, encoding: str | None, header: bool | None, sheet: str = ""
) -> "TableSource":
    """Read a table from wherever it is, by the options of the command line."""
    with show.steps() as step:
        step("reading the table")
        from seatrial.template import CsvOptions, read_source

        tab = {"tab": "\t", "\\t": "\t"}.get(separator or "", separator)
        return read_source(data, query=query, sheet=sheet, options=CsvOptions(tab, encoding, header))


def _examine(source: "TableSource", target: str, wishes: "Overrides") -> "Examination":
    from seatrial.template import examine

    with show.steps() as step:
        return examine(source, target, wishes, progress=step)


def _confirmed(examination: "Examination", wishes: "Overrides") -> "Examination":
    """Show what was inferred until a person agrees."""
    from seatrial.template.prompts import CHANGES, change

    target = examination.target.source
    show.say(f"\nEnter makes the project. To have something otherwise: {CHANGES}. `quit` makes none.")
    while True:
        words = _answer_or_enter()
        if not words:
            return examination
        if words.lower() in ("quit", "q", "no", "n"):
            show.say("Nothing was made.")
            raise typer.Exit(1)
        if words.lower() in ("yes", "y", "ok"):
            return examination
        try:
            wanted = change(words, target, wishes)
            examination = _examine(examination.source, *wanted)
            target, wishes = wanted
        except SeatrialError as error:
            show.error(error.message, error.hint)
            continue
        _show(examination)


def _answer_or_enter() -> str:
    try:
        return str(typer.prompt("", default="", show_default=False, prompt_suffix="> ", err=True)).strip()
    except typer.Abort:
        if sys.stdin.isatty():
            raise typer.Exit(130) from None
        return ""  # the piped answers are at their end


def _show(examination: "Examination", *, features: bool = True) -> None:
    """The inference as a calm table: what was read, each column with its use, and the target; what is derived, too."""
    from seatrial.cli.inferred import column_rows, heading, notes

    for line in heading(examination):
        show.err.print(line, markup=False)
    show.table("", ("column", "is", "values", "missing", "use"), column_rows(examination), right=(3,), to=show.err)
    for line in notes(examination, features=features):
        show.err.print(line, markup=False, style="dim")


def _chosen_model(model: Model, examination: "Examination") -> Any:
    if model is not Model.auto:
        return model.value
    from seatrial.template import choose_model

    with show.steps() as step:
        choice = choose_model(examination, progress=step)
    for tried in choice.scores:
        figure = f"{tried.mean:.4f}" if tried.scores else "-"
        show.say(f"  {tried.model}: {figure} {choice.measure}, {tried.seconds:.1f} s {tried.note}".rstrip())
    show.say(f"  chosen: {choice.model}, {choice.why}")
    return choice.model


def _holder() -> str:
    from seatrial.template.repository import user_name

    return user_name() or "the authors"


def _make(root: Path, examination: "Examination", options: "Options", *, git: bool) -> None:
    from seatrial.cli.project_files import piece_files
    from seatrial.core.files import write_whole
    from seatrial.core.project import find_project
    from seatrial.template import repository
    from seatrial.template.creation import make_project
    from seatrial.template.render import unfinished

    above = repository.repository_above(root)
    uncommitted = ""
    with show.steps() as step:
        step("making the project")
        with unfinished(root) as folder:
            make_project(folder, examination, options)
            started = git and above is None and repository.start_repository(folder)
            inside = options.ci if above is None else "none"  # in a repository, the CI file lies at its top
            for path, text in piece_files(find_project(folder), inside, options.deploy).items():
                write_whole(path, text)
            if started:
                step("committing it")
                uncommitted = repository.first_commit(folder, f"Start {options.names.name}")
    if above is not None:
        from seatrial.cli.project_files import bring_pipeline

        bring_pipeline(find_project(root), options.ci)
    if uncommitted:
        show.say(f"The repository has no commit yet: {uncommitted}.")
    show.out.print(f"\n[bold]{show.place(root)}[/] is made. Next:\n")
    for line in _next(root):
        show.out.print(f"    {line}", markup=False)
    show.out.print("\nREADME.md there says what is where, and how to change it.")


def _next(root: Path) -> list[str]:
    import shlex
    import shutil

    here = Path(sys.executable).parent
    found = shutil.which("seatrial")
    on_path = found is not None and Path(found).parent.resolve() == here.resolve()
    enter = f"cd {shlex.quote(show.place(root))}"
    if not on_path and any((here / name).exists() for name in ("seatrial", "seatrial.exe")):
        return [enter, f"{shlex.quote(str(here / 'seatrial'))} demo"]
    return [enter, "make demo      (without make: seatrial demo)"]
