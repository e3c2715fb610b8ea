"""Reads project metadata from setup.cfg, setup.py and Poetry's own table; setup.py is parsed and never run."""

import ast
import configparser
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

FILES = ("setup.cfg", "setup.py")
_KEYS = {"name": "name", "description": "description", "python_requires": "requires-python", "version": "version"}


def older_project(root: Path) -> dict[str, Any]:
    """setup.cfg and setup.py as a [project] table, as far as they can be read; empty if there is neither file."""
    metadata = _setup_py(root / "setup.py") | _setup_cfg(root / "setup.cfg")
    table: dict[str, Any] = {
        key: metadata[old].strip() for old, key in _KEYS.items() if isinstance(metadata.get(old), str)
    }
    requires = metadata.get("install_requires", [])
    requires = requires.splitlines() if isinstance(requires, str) else requires
    if isinstance(requires, list):
        table["dependencies"] = [line for text in requires if (line := str(text).partition("#")[0].strip())]
    if not table.get("version", "0")[:1].isdigit():  # attr: or file: of setuptools
        del table["version"]
    return {key: value for key, value in table.items() if value}


def poetry_project(document: dict[str, Any]) -> dict[str, Any]:
    """[tool.poetry] of a pyproject.toml as a [project] table; empty if there is none."""
    poetry = document.get("tool", {}).get("poetry", {})
    requires = dict(poetry.get("dependencies", {}))
    python = requires.pop("python", "")
    table = {key: poetry[key] for key in ("name", "version", "description") if isinstance(poetry.get(key), str)}
    table |= {"requires-python": _range(python)} if python else {}
    dependencies = []
    for name, constraint in requires.items():
        details = constraint if isinstance(constraint, dict) else {"version": constraint}
        extras = f"[{','.join(details['extras'])}]" if details.get("extras") else ""
        version = details.get("version", "*")
        dependencies += [f"{name}{extras}{_range(version)}"] if isinstance(version, str) else []
    return table | ({"dependencies": dependencies} if dependencies else {})


def _range(version: str) -> str:
    """A Poetry constraint in pip's notation: ^1.6 is >=1.6,<2; ^0.3 is >=0.3,<0.4."""
    if version.strip() == "*":
        return ""
    match = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)", version.strip())
    if not match:
        return version.replace(" ", "") if version.strip()[:1] in "<>=!~" else f"=={version.strip()}"
    parts = [int(part) for part in match[2].split(".")]
    first = next((n for n, part in enumerate(parts) if part), len(parts) - 1)
    raised = first if match[1] == "^" else min(1, len(parts) - 1)
    ceiling = [*parts[:raised], parts[raised] + 1]
    return f">={match[2]},<{'.'.join(map(str, ceiling))}"


def _setup_cfg(path: Path) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {key: value for part in ("metadata", "options") if part in parser for key, value in parser[part].items()}


def _setup_py(path: Path) -> dict[str, Any]:
    """The arguments of setup() that are literals."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return {}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    arguments: dict[str, Any] = {}
    for call in calls:
        if getattr(call.func, "id", getattr(call.func, "attr", "")) != "setup":
            continue
        for keyword in call.keywords:
            with suppress(ValueError):
                arguments[str(keyword.arg)] = ast.literal_eval(keyword.value)
    return arguments
