"""The page of all settings, from the code that reads them: each table's keys, meanings and defaults."""

from collections.abc import Iterable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

PROJECT_SECTIONS = ("index", "trial", "deploy", "ci")  # keys of [tool.seatrial] that are tables of their own


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


def settings_page() -> str:
    from seatrial.core.environment_variables import VARIABLES
    from seatrial.core.index_settings import DEFAULT_FOLDER
    from seatrial.core.index_settings import KEYS as INDEX
    from seatrial.trial.policy import Policy

    parts = [
        "# Settings",
        "All of them stand in a project's `pyproject.toml`. An unknown key is an error, which names the nearest one that there is.",
        "## `[tool.seatrial]`",
        table(("key", "means", "default"), project_rows()),
        "## `[tool.seatrial.index]`",
        f"A folder, an address, or a table of named ones of which the first is the default. Without it: the folder `{DEFAULT_FOLDER}`. "
        "The keys of one index:",
        table(("key", "means", "default"), [_told(f"`{key}`", meaning, "") for key, meaning in INDEX.items()]),
        "## `[tool.seatrial.trial]`",
        "The policy of the trial. [The guide](../trial.md) says when to change which.",
        table(("key", "means", "default"), model_rows(Policy)),
    ]
    for name, model in targets().items():
        parts += [f"## `[tool.seatrial.deploy.{name}]`", table(("key", "means", "default"), model_rows(model))]
    parts += [
        '`class = "module:Class"` in a table of another name makes it [a target of your own](../deploying.md#a-target-of-your-own).',
        "## `[tool.seatrial.ci]`",
        table(("key", "means", "default"), ci_rows()),
        "## The server",
        "`seatrial serve` and every container start `python -m seatrial.serve PACKAGE`, which takes:",
        table(("option", "means", "default"), server_rows()),
        "## Environment variables",
        "Tokens and passwords are read from variables only. A setting may name other ones.",
        table(
            ("variable", "means", "default"), [_told(f"`{name}`", meaning, "") for name, meaning in VARIABLES.items()]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def targets() -> dict[str, type[BaseModel]]:
    """The settings of each target of ours."""
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
            rows.append((f"`{key}`", meaning, "needed"))
        else:
            rows.append(_told(f"`{key}`", meaning, defaults[key]))
    return rows


def model_rows(model: type[BaseModel]) -> list[tuple[str, str, str]]:
    return [
        _told(f"`{key}`", field.description or "", field.get_default(call_default_factory=True))
        for key, field in model.model_fields.items()
    ]


def ci_rows() -> list[tuple[str, str, str]]:
    """What a pipeline takes where nothing is said is asked of the code that reads the settings."""
    from seatrial.ci.pipeline_settings import KEYS, read_pipeline
    from seatrial.core.index_settings import index_in_folder
    from seatrial.core.project import ProjectSettings

    root = Path("/nowhere")
    place = index_in_folder(root / "index")
    read = read_pipeline(ProjectSettings(root, "x", "x", "1", root, "y", place, (place,)))
    words = {
        "target": f"the first of `[tool.seatrial.deploy]`, else `{read.target}`",
        "index": "the first one",
        "repository": "what git says",
    }
    return [(f"`{key}`", meaning, words.get(key) or _shown(getattr(read, key, None))) for key, meaning in KEYS.items()]


def server_rows() -> list[tuple[str, str, str]]:
    from seatrial.serve.__main__ import _parser
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


def _told(name: str, description: str, default: Any) -> tuple[str, str, str]:
    meaning, _, told = description.partition("; default: ")
    return name, meaning, told or _shown(default)


def _shown(default: Any) -> str:
    if default is None or default == "":
        return ""
    if default in ([], {}):
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) and default < 1e6 else f"`{default}`"
