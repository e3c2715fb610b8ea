"""Generate the pages in docs/reference/ from the code: `python -m tests.docs.reference`, which `make docs` runs first."""

import inspect
import re
import typing
from collections.abc import Callable, Iterable
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import typer
from tests.docs.tables import settings_page, table

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
WRITTEN = "<!-- Generated from the code by `make docs`: change the code, not this page. -->"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "commands.md": commands_page(),
        "settings.md": f"{WRITTEN}\n\n{settings_page()}",
        "python.md": python_page(),
        "metrics.md": metrics_page(),
        "compiles.md": compiles_page(),
    }


def commands_page() -> str:
    from seatrial.cli.app import EXIT_CODES, app

    parts = [
        f"{WRITTEN}\n\n# Commands",
        "Every command takes `--help`. `--debug` after any of them shows a traceback with an error. Errors go to standard error, as "
        "one line that says what is wrong and one that says what to do next; `--json`, where available, prints only the result.",
        table(("exit code", "meaning"), [(f"`{code}`", meaning) for code, meaning in EXIT_CODES.items()]),
    ]
    parts += [part for name, command in every_command(app) for part in command_section(name, command)]
    return "\n\n".join(parts) + "\n"


def every_command(app: Any) -> Iterable[tuple[str, Any]]:
    """Yield the words of each command of the application, and the command."""
    return _walk("seatrial", typer.main.get_command(app))


def _walk(name: str, command: Any) -> Iterable[tuple[str, Any]]:
    for word, each in command.commands.items():
        if hasattr(each, "commands"):
            yield f"{name} {word}", each
            yield from _walk(f"{name} {word}", each)
        else:
            yield f"{name} {word}", each


def command_section(name: str, command: Any) -> list[str]:
    group = hasattr(command, "commands")
    words = " ".join([name, *(p.name.upper() for p in command.params if p.param_type_name == "argument")])
    parts = [f"{'##' if name.count(' ') == 1 else '###'} `{words}`", prose(command.help or "")]
    if group:
        return parts
    callback = inspect.unwrap(command.callback)
    hints = typing.get_type_hints(callback)
    rows = [parameter_row(p, hints.get(p.name)) for p in command.params if p.name != "help"]
    return [*parts, table(("argument or option", "meaning", "default"), rows)] if rows else parts


def parameter_row(parameter: Any, kind: Any) -> tuple[str, str, str]:
    names = [*sorted(parameter.opts, key=len, reverse=True), *parameter.secondary_opts]
    if parameter.param_type_name == "argument":
        names = [parameter.name.upper()]
    meaning, _, stated = (parameter.help or "").partition("; default: ")
    meaning, stated = f"{meaning.rstrip('.')}.", stated.rstrip(".")
    choices = _choices(kind)
    if not all(choice in meaning for choice in choices):
        meaning = f"{meaning.rstrip('.')}: {', '.join(f'`{choice}`' for choice in choices)}."
    if parameter.multiple:
        meaning += " May be given several times."
    if parameter.envvar:
        meaning += f" Or the variable `{parameter.envvar}`."
    if parameter.required:
        stated = "required"
    default = parameter.default.value if isinstance(parameter.default, Enum) else parameter.default
    shown = parameter.show_default and not isinstance(default, bool) and default not in (None, "") and not stated
    return ", ".join(f"`{name}`" for name in names), plain(meaning), f"`{default}`" if shown else stated


def _choices(kind: Any) -> tuple[str, ...]:
    """Return the choices of a parameter, if it has any."""
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return tuple(str(member.value) for member in kind)
    if typing.get_origin(kind) is Literal:
        return tuple(str(choice) for part in typing.get_args(kind) for choice in (_choices(part) or (part,)))
    for part in typing.get_args(kind):
        if found := _choices(part):
            return found
    return ()


def plain(text: str) -> str:
    """Remove the terminal markup from a help text."""
    return re.sub(r"(?<!\\)\[/?[a-z]*\]", "", text).replace("\\[", "[").strip()


def prose(text: str) -> str:
    """Return a help text or a docstring as Markdown: an example as code, indented text as a block."""
    text = re.sub(r"Example: \[bold\](.*?)\[/\]", r"Example: `\1`", inspect.cleandoc(text))
    paragraphs = []
    for indented, lines in groupby(plain(text).split("\n\n"), lambda paragraph: paragraph.startswith("    ")):
        if indented:
            code = inspect.cleandoc("\n\n".join(lines))
            paragraphs.append(f"```python\n{code}\n```")
        else:
            paragraphs += [" ".join(paragraph.split()) for paragraph in lines]
    return "\n\n".join(paragraphs)


def metrics_page() -> str:
    from seatrial.serve.metrics.families import FAMILIES

    rows = [
        (f"`{family.name}`", family.kind, ", ".join(f"`{label}`" for label in family.labels), family.help)
        for family in FAMILIES
    ]
    ends = [
        f"`{family.name}`: {', '.join(f'{bound:g}' for bound in family.bounds)}" for family in FAMILIES if family.bounds
    ]
    parts = [
        f"{WRITTEN}\n\n# Metrics",
        "What a server reports at `/metrics`, of all its worker processes together. [Monitoring](../monitoring.md) has alerts and a "
        "dashboard for them.",
        table(("name", "kind", "labels", "meaning"), rows),
        "The ends of the buckets of the histograms: " + "; ".join(ends) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def compiles_page() -> str:
    from seatrial.compile import decisions, ensembles
    from seatrial.compile.boosters.booster import READERS
    from seatrial.compile.converter import MODELS, TRANSFORMERS
    from seatrial.compile.native_classes import NATIVE
    from seatrial.compile.powers import UFUNCS

    def by_room(classes: Iterable[tuple[str, str]]) -> str:
        rooms: dict[str, list[str]] = {}
        for room, name in classes:
            rooms.setdefault(f"`{room}`", []).append(f"`{name}`")
        return table(("from", "classes"), [(room, ", ".join(sorted(names))) for room, names in sorted(rooms.items())])

    def listed(classes: Iterable[type]) -> str:
        return by_room((".".join(each.__module__.split(".")[:2]), each.__name__) for each in classes)

    others = [(name.partition(".")[0], name.rpartition(".")[2]) for name in READERS]

    parts = [
        f"{WRITTEN}\n\n# What compiles",
        "A pipeline of these becomes one graph in double precision, which is then proven to give scikit-learn's own answers. If a class "
        "has options without an exact form, such as another loss or a custom start, it is refused by name, and the model runs natively.",
        "## Models",
        listed(MODELS),
        "And [boosted trees of other libraries](../models.md#xgboost-lightgbm-and-catboost), with the options that page names:",
        by_room(others),
        "And what is made of them:",
        listed(ensembles.MODELS),
        "Of a search, the best estimator is compiled, and of a threshold or a frozen estimator the one inside: "
        + ", ".join(f"`{each.__name__}`" for each in ensembles.WRAPPERS)
        + ".",
        "`CalibratedClassifierCV` and `StackingClassifier` read decision functions too: of "
        + ", ".join(sorted(f"`{each.__name__}`" for each in (*decisions.DECISIONS, *ensembles.DECISIONS)))
        + ". What counts whole votes of models other than trees runs natively: on the boundary between two labels, the last bit "
        "of a sum would decide about a vote.",
        "## Steps before the model",
        listed(TRANSFORMERS),
        "They may be combined with `Pipeline`, `ColumnTransformer` and `FeatureUnion`, also nested, with `passthrough` and `drop`. "
        "A `FunctionTransformer` compiles without a function, or with one of numpy's "
        + ", ".join(f"`{each.__name__}`" for each in UFUNCS)
        + ": what a Python function does belongs in [a feature function](../models.md#features-columns-derived-from-columns).",
        "## What runs natively, and why",
        table(
            ("classes", "reason"),
            [(", ".join(f"`{each.__name__}`" for each in classes), reason) for reason, classes in NATIVE.items()],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def python_page() -> str:
    from seatrial import Project, Release, Schema, SeatrialError, load
    from seatrial.deploy.target import PinnedRelease, Target
    from seatrial.steps import pytest_plugin
    from seatrial.steps.log import ProjectLog
    from seatrial.steps.trial import TrialResult

    parts = [
        f"{WRITTEN}\n\n# Python",
        "What a project, a test, a notebook or another program may use. Everything else is internal and may change.",
        "## `from seatrial import Project`",
        prose(Project.__doc__ or ""),
        "[In a notebook](../notebook.md) goes through its methods from a table to a rollback.",
        *members(Project, [name for name in vars(Project) if callable(getattr(Project, name)) and name[0] != "_"]),
        "What `log` is, `seatrial.steps.log.ProjectLog`:",
        prose(ProjectLog.__doc__ or ""),
        *members(ProjectLog, ("read", "export", "summary", "add_labels", "labels", "forget")),
        "What `trial` and `accept` return, `seatrial.steps.trial.TrialResult`:",
        table(
            ("attribute", "meaning"),
            [
                (f"`{name}`", plain(getattr(TrialResult, name).__doc__))
                for name in ("outcome", "passed", "cause", "checks")
            ],
        ),
        f"## `seatrial.load{signature(load)}`",
        prose(load.__doc__ or ""),
        "## `from seatrial import Schema`",
        prose(Schema.__doc__ or ""),
        "[Features and pipelines](../models.md) explains how to write a schema.",
        "## `from seatrial import Release`",
        prose(Release.__doc__ or ""),
        *members(
            Release,
            (
                "load",
                "predict",
                "predict_table",
                "predict_batches",
                "output_schema",
                "parse",
                "score",
                "decide",
                "explain",
                "score_table",
                "encode_table",
            ),
        ),
        "A project's package exports its own as `release`, with its `predict`:",
        "```python\nfrom titanic_model import predict, release\n```",
        "## `from seatrial import SeatrialError`",
        prose(SeatrialError.__doc__ or ""),
        "## The pytest fixture `trial_check`",
        prose((pytest_plugin.__doc__ or "").partition("\n\nThe trial is run by the hook")[0]),
        "## A deployment target",
        prose(Target.__doc__ or ""),
        *members(Target, ("__init__", "check", "switch", "settle", "serving")),
        "What it receives, `seatrial.deploy.target.PinnedRelease`:",
        prose(PinnedRelease.__doc__ or ""),
        table(
            ("field", "type"),
            [(f"`{name}`", f"`{kind.__name__}`") for name, kind in typing.get_type_hints(PinnedRelease).items()],
        ),
    ]
    return "\n\n".join(parts) + "\n"


def members(owner: type, names: Iterable[str]) -> list[str]:
    """Return the signatures and docstrings of a class's methods."""
    parts = []
    for name in names:
        method: Callable[..., Any] = getattr(owner, name)
        parts += [f"### `{name}{signature(method)}`", prose(method.__doc__ or "")]
    return parts


def signature(method: Callable[..., Any]) -> str:
    """Return a signature without `self`, modules and quotes."""
    given = inspect.signature(method)
    shown = given.replace(parameters=[p for p in given.parameters.values() if p.name != "self"])
    short = re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", str(shown))
    short = re.sub(r"(: |-> )'([^']*)'", r"\1\2", short)  # annotations in quotes; defaults keep theirs
    return re.sub(r"ndarray\[tuple\[Any, \.\.\.\], dtype\[\w+\]\]", "ndarray", short)


def main() -> None:
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
