"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from seatrial.core.errors import SeatrialError
from seatrial.template.choice_words import Words, chosen

if TYPE_CHECKING:
    from seatrial.core.index_settings import IndexSettings
    from seatrial.core.project import ProjectSettings
    from seatrial.template.reading.csv_file import CsvOptions

DEFAULT_COMMAND = "run"


class RunsByDefault(TyperGroup):
    """A group whose name alone runs a command: `seatrial trial OLD NEW` is `seatrial trial run OLD NEW`.

    `trial --help` shows the options of `run`.
    """

    default = DEFAULT_COMMAND

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default command where none is named."""
        if not args or args[0] not in self.commands:
            args = [self.default, *args]
        return super().parse_args(ctx, args)


def option(text: str, *names: str, **more: Any) -> Any:
    """Make an option whose help `text` says its default, if it has one worth saying."""
    return typer.Option(*names, help=text.replace("[", "\\["), show_default=False, **more)  # brackets are markup


def argument(text: str) -> Any:
    """Make an argument whose help `text` says its default, if it has one worth saying."""
    return typer.Argument(help=text, show_default=False)


ProjectOption = Annotated[Path, option("The project's folder; default: the current one.", "--project", "-p")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for scripts.")]
DirtyOption = Annotated[
    bool, typer.Option("--allow-dirty", help="Go on although files of the release are not committed, and record that.")
]
IndexOption = Annotated[
    str | None,
    option("The index: a name in [tool.seatrial.index], a folder, or a URL; default: the project's first.", "--index"),
]
OnBadRowsOption = Annotated[
    Literal["fail", "drop"],
    typer.Option("--on-bad-rows", help="Rows that break the schema: reject the table, or drop the rows."),
]
KindOption = Annotated[
    Literal["repackage", "retrain", "redesign"] | None,
    option(
        "What kind of change it is: repackage, retrain or redesign; default: the policy's. A trial that has run is "
        "judged again.",
        "--kind",
        metavar="WORD",
    ),
]
QueryOption = Annotated[str, option("The SQL query, for a database.", "--query")]
SheetOption = Annotated[str, option("The sheet of an Excel or OpenDocument file.", "--sheet")]
SeparatorOption = Annotated[str | None, option("The separator of a CSV file.", "--separator")]
EncodingOption = Annotated[str | None, option("The encoding of a CSV file.", "--encoding")]
HeaderOption = Annotated[bool | None, option("Whether a CSV file has a header.", "--header/--no-header")]
DecimalOption = Annotated[str | None, option("The decimal mark of a CSV file: , or .", "--decimal")]
DeployOption = Annotated[
    str, typer.Option("--deploy", help="Targets: local, docker, railway, kubernetes; separated by commas.")
]
HERE = Path()


def word_option(words: Words, what: str, text: str, *names: str) -> Any:
    """Make an option whose value is one of several choices, each of which has several words; its help lists them."""

    def read(value: str) -> str:
        try:
            return chosen(value, words, what)
        except SeatrialError as error:
            raise typer.BadParameter(f"{error.message} {error.hint}") from None

    *most, last = words
    return typer.Option(*names, help=f"{text}: {', '.join(most)} or {last}.", parser=read, metavar="WORD")


def csv_options(
    separator: str | None, encoding: str | None, header: bool | None, decimal: str | None = None
) -> "CsvOptions":
    """Make options for reading CSV; a tab may be written as `tab` or `\\t`."""
    from seatrial.template.reading.csv_file import CsvOptions

    return CsvOptions({"tab": "\t", "\\t": "\t"}.get(separator or "", separator), encoding, header, decimal)


def deploy_targets(text: str) -> tuple[str, ...]:
    """Read a list of deployment targets, separated by commas."""
    from seatrial.steps.new import choose_targets

    return choose_targets([word.strip() for word in text.split(",") if word.strip()])


def release_and_index(name: str | None, index: str | None, project: Path) -> "tuple[str, IndexSettings]":
    """Return the release's name and its index; a project is needed only for the one that is not named."""
    from seatrial.core.index_settings import choose_index
    from seatrial.core.project import find_project

    settings = project_if_any(project) if name and index else find_project(project)
    if index:
        chosen = choose_index(settings.indexes if settings else (), index)
        return name or (settings or find_project(project)).name, chosen
    if settings is None:
        raise SeatrialError("No index is named.", hint="Name one with --index.")
    return name or settings.name, settings.index


def project_if_any(project: Path) -> "ProjectSettings | None":
    """Read the project, if there is one; invalid settings are still an error."""
    from seatrial.core.project import find_project, in_project

    return find_project(project) if in_project(project) else None
