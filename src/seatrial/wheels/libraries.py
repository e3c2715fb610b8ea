"""What a library on our own index may not contain: what runs by itself, or replaces what belongs to someone else.

A library is installed into the same environments as models, and pip overwrites files without asking.
"""

import re
import sys
from collections.abc import Sequence

from packaging.utils import canonicalize_name

from seatrial.core.own_names import TOOLKIT
from seatrial.wheels.entry_points import EntryPoints
from seatrial.wheels.source_code import bytecode, shadowed_modules

# What installers write into a .dist-info folder.
INSTALLED = ("direct_url.json", "INSTALLER", "REQUESTED")
COMMAND_GROUPS = ("console_scripts", "gui_scripts")
LIMIT, COMPLAINT = 5, 500  # complaints reported, and characters of each
# Packages of every environment that a model runs in: a package with such a name would hide them.
OTHERS = frozenset(
    {
        *("numpy", "onnxruntime", "pydantic", "pydantic_core", "sklearn", "pandas", "scipy", "skops"),
        *("pyarrow", "onnx", "fastapi", "starlette", "uvicorn", "loguru", "jinja2", "pytest", "typer"),
        *("rich", "build", "uv", "copier", "pip", "setuptools", "pkg_resources", "wheel"),
        *("sitecustomize", "usercustomize", "conftest"),
    }
)
# Commands that environments, shells and pipelines call.
RESERVED = re.compile(
    r"(python|pythonw|pypy|pip|pipx|easy-install|wheel|uv|uvx|venv|virtualenv|activate|deactivate|conda|mamba|poetry|"
    r"hatch|twine|build|git|make|cc|gcc|sh|bash|dash|zsh|fish|cmd|powershell|pwsh|env|sudo|su|ssh|scp|curl|wget|docker|"
    r"podman|kubectl|helm|railway|node|npm|npx|ls|cat|cp|mv|rm|ln|cd|echo|test|true|false|sed|awk|grep|find|xargs|tar|"
    r"id|ps|kill|chmod|chown|mount|apt|apt-get|apk|dnf|yum)[\d.-]*"
)


def library_complaints(names: Sequence[str], folder: str, project: str, commands: EntryPoints) -> tuple[str, ...]:
    """List what makes a wheel unsafe as a library; `folder` is its .dist-info folder, `project` its canonical name."""
    result = [complaint for name in names if (complaint := _member(name, folder, project))]
    result += shadowed_modules(names)
    result += foreign_commands(commands, project)
    result += [f"it hooks into {group}" for group in commands if not _is_own_group(group, project)]
    return tuple(complaint[:COMPLAINT] for complaint in dict.fromkeys(result))[:LIMIT]


def foreign_commands(entries: EntryPoints, project: str) -> list[str]:
    """Complaints about commands under other names, which could replace those of other packages."""
    commands = [command for group in COMMAND_GROUPS for command in entries.get(group, {})]
    return [f"it installs the command {command!r}" for command in commands if not _is_own(command, project)]


def _is_own(command: str, project: str) -> bool:
    spelled = command.replace("_", "-")
    plain = re.fullmatch(r"[A-Za-z0-9_-]+", command) is not None and not RESERVED.fullmatch(command.lower())
    return plain and (spelled == project or spelled.startswith(f"{project}-"))


def _is_own_group(group: str, project: str) -> bool:
    """Whether only the project itself reads this group: others load plug-ins from everything that is installed.

    The toolkit has a plug-in of pytest; whoever may replace it may do anything.
    """
    top = canonicalize_name(group.partition(".")[0])
    return group in COMMAND_GROUPS or project in (top, TOOLKIT)


def is_taken(package: str) -> bool:
    """Whether a package's name belongs to the standard library, or to what every environment needs."""
    return package.lower() in sys.stdlib_module_names or package.lower() in OTHERS


def _member(name: str, folder: str, project: str) -> str:
    top, _, rest = name.partition("/")
    if name.lower().endswith((".pth", ".egg-link")):
        return f"{name} would run every time Python starts"
    if top == folder:
        return f"{name} is written by installers only" if rest in INSTALLED else bytecode(name)
    package = top.removesuffix(".libs") if rest else top.partition(".")[0]
    if is_taken(package) or canonicalize_name(package.lstrip("_")) != project or "." in package:
        return f"{name} is outside of {project.replace('-', '_')}/"
    return bytecode(name)
