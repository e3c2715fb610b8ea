"""Generate the page of all settings from the code that reads them: each table's keys, meanings and defaults."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

PROJECT_SECTIONS = (
    "split",
    "index",
    "release",
    "trial",
    "signing",
    "deploy",
    "log",
    "watch",
    "ci",
)  # keys of [tool.seatrial] that are tables themselves


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


def settings_page() -> str:
    from seatrial.core.environment_variables import VARIABLES
    from seatrial.core.index_settings import DEFAULT_FOLDER
    from seatrial.core.index_settings import KEYS as INDEX
    from seatrial.core.own_names import KEYS as NAMES
    from seatrial.core.split_settings import SplitSettings
    from seatrial.prediction_log.log_settings import LogSettings
    from seatrial.steps.signing import SigningSettings
    from seatrial.trial.policy import Policy
    from seatrial.watch.watch_settings import WatchSettings

    parts = [
        "# Settings",
        "All settings are in a project's `pyproject.toml`. An unknown key is an error, which suggests the closest known key.",
        "## `[tool.seatrial]`",
        table(("key", "meaning", "default"), project_rows()),
        "## `[tool.seatrial.split]`",
        "What decides which rows are held out. [The guide](../held-out-rows.md) says when to change it.",
        table(("key", "meaning", "default"), model_rows(SplitSettings)),
        "## `[tool.seatrial.index]`",
        f"A folder, a URL, or a table of named indexes, of which the first is the default. Without it: the folder `{DEFAULT_FOLDER}`. "
        "The keys of one index:",
        table(("key", "meaning", "default"), [_row(f"`{key}`", meaning, "") for key, meaning in INDEX.items()]),
        "Next to the named indexes, for all of them:",
        table(("key", "meaning", "default"), [_row(f"`{key}`", meaning, "none") for key, meaning in NAMES.items()]),
        "## `[tool.seatrial.signing]`",
        "Who signs passed trials. [Deploying](../deploying.md#signed-releases) says how.",
        table(("key", "meaning", "default"), model_rows(SigningSettings)),
        "## `[tool.seatrial.release]`",
        "What a release carries of the table's rows. [The guide](../projects.md#what-a-release-carries-of-your-rows) says what depends on it.",
        table(("key", "meaning", "default"), release_rows()),
        "## `[tool.seatrial.trial]`",
        "The policy of the trial. [The guide](../trial.md) explains when to change which.",
        table(("key", "meaning", "default"), model_rows(Policy)),
    ]
    parts += [
        "## `[tool.seatrial.log]`",
        "The prediction log. [The guide](../prediction-log.md) says where it is without these.",
        table(("key", "meaning", "default"), model_rows(LogSettings)),
    ]
    parts += [
        "## `[tool.seatrial.watch]`",
        "How the prediction log is watched. [The guide](../watch.md) says how it decides.",
        table(("key", "meaning", "default"), model_rows(WatchSettings)),
    ]
    for name, model in targets().items():
        parts += [f"## `[tool.seatrial.deploy.{name}]`", table(("key", "meaning", "default"), model_rows(model))]
    parts += [
        '`class = "module:Class"` in a table with another name makes it [a target of your own](../deploying.md#a-target-of-your-own).',
        "## `[tool.seatrial.ci]`",
        table(("key", "meaning", "default"), ci_rows()),
        "## The server",
        "`seatrial serve` and every container start `python -m seatrial.serve PACKAGE`, which takes:",
        table(("option", "meaning", "default"), server_rows()),
        "## Environment variables",
        "Tokens and passwords are read from variables only. A setting may name other ones.",
        table(
            ("variable", "meaning", "default"), [_row(f"`{name}`", meaning, "") for name, meaning in VARIABLES.items()]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def targets() -> dict[str, type[BaseModel]]:
    """Return the settings of each built-in target."""
    from seatrial.deploy.docker import DockerSettings
    from seatrial.deploy.kubernetes import KubernetesSettings
    from seatrial.deploy.local import LocalSettings
    from seatrial.deploy.railway import RailwaySettings

    return {
        "local": LocalSettings,
        "docker": DockerSettings,
        "railway": RailwaySettings,
        "kubernetes": KubernetesSettings,
    }


def project_rows() -> list[tuple[str, str, str]]:
    from seatrial.core.project import KEYS, ProjectSettings

    defaults = {field.name: None if field.default is MISSING else field.default for field in fields(ProjectSettings)}
    rows = []
    for key, (_, meaning) in KEYS.items():
        if key in PROJECT_SECTIONS:
            rows.append((f"`{key}`", meaning, "see below"))
        elif key in ("data", "target"):
            rows.append((f"`{key}`", meaning, "required"))
        else:
            rows.append(_row(f"`{key}`", meaning, defaults[key]))
    return rows


def model_rows(model: type[BaseModel]) -> list[tuple[str, str, str]]:
    return [
        _row(f"`{key}`", field.description or "", field.get_default(call_default_factory=True))
        for key, field in model.model_fields.items()
    ]


def release_rows() -> list[tuple[str, str, str]]:
    """The keys of [tool.seatrial.release], with the defaults that a project has."""
    from seatrial.core.project import RELEASE_KEYS, ProjectSettings

    defaults = {field.name: field.default for field in fields(ProjectSettings)}
    return [(f"`{key}`", meaning, _shown(defaults[key])) for key, meaning in RELEASE_KEYS.items()]


def ci_rows() -> list[tuple[str, str, str]]:
    """Return the keys of [tool.seatrial.ci]; the code that reads the settings gives the defaults."""
    from seatrial.ci.pipeline_settings import KEYS, read_pipeline
    from seatrial.core.index_settings import index_in_folder
    from seatrial.core.project import ProjectSettings

    root = Path("/nowhere")
    place = index_in_folder(root / "index")
    read = read_pipeline(ProjectSettings(root, "x", "x", "1", root, "y", place, (place,)))
    words = {
        "target": f"the first of `[tool.seatrial.deploy]`, else `{read.target}`",
        "index": "the first one",
        "repository": "from git",
    }
    return [(f"`{key}`", meaning, words.get(key) or _shown(getattr(read, key, None))) for key, meaning in KEYS.items()]


def server_rows() -> list[tuple[str, str, str]]:
    from seatrial.serve.command import _parser
    from seatrial.serve.server_settings import Settings

    plain = Settings()
    rows = []
    for action in _parser()._actions:
        if not action.option_strings or action.dest in ("help", "fd", "standby_fd"):
            continue
        meaning = action.help or ""
        if action.choices:
            meaning = ", ".join([*filter(None, [meaning]), *map(str, action.choices)])
        rows.append((f"`{action.option_strings[-1]}`", meaning, _shown(getattr(plain, action.dest, None))))
    return rows


def _row(name: str, description: str, default: Any) -> tuple[str, str, str]:
    meaning, _, stated = description.partition("; default: ")
    return name, meaning, stated or _shown(default)


def _shown(default: Any) -> str:
    if default is None or default == "":
        return ""
    if default in ([], {}):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) and default < 1e6 else f"`{default}`"
