"""What a repository says of itself in setup.cfg, setup.py or for Poetry alone; read, and never run."""

import ast
import configparser
import re
from pathlib import Path
from typing import Any

FILES = ("setup.cfg", "setup.py")
_KEYS = {"name": "name", "description": "description", "python_requires": "requires-python", "version": "version"}


def older_project(root: Path) -> dict[str, Any]:
    """The same as a [project] table, as far as it can be read; empty where there is neither file."""
    found = _setup_py(root / "setup.py") | _setup_cfg(root / "setup.cfg")
    table: dict[str, Any] = {
        ours: found[theirs].strip() for theirs, ours in _KEYS.items() if isinstance(found.get(theirs), str)
    }
    needs = found.get("install_requires", [])
    needs = needs.splitlines() if isinstance(needs, str) else needs
    if isinstance(needs, list):
        table["dependencies"] = [line for need in needs if (line := str(need).partition("#")[0].strip())]
    if not table.get("version", "0")[:1].isdigit():  # attr: or file: of setuptools
        del table["version"]
    return {key: value for key, value in table.items() if value}


def poetry_project(document: dict[str, Any]) -> dict[str, Any]:
    """[tool.poetry] of a pyproject.toml as a [project] table; empty where there is none."""
    own = document.get("tool", {}).get("poetry", {})
    needs = dict(own.get("dependencies", {}))
    python = needs.pop("python", "")
    table = {key: own[key] for key in ("name", "version", "description") if isinstance(own.get(key), str)}
    table |= {"requires-python": _range(python)} if python else {}
    plain = []
    for name, need in needs.items():
        version = need.get("version", "*") if isinstance(need, dict) else need
        extras = f"[{','.join(need['extras'])}]" if isinstance(need, dict) and need.get("extras") else ""
        plain += [f"{name}{extras}{_range(version)}"] if isinstance(version, str) else []
    return table | ({"dependencies": plain} if plain else {})


def _range(version: str) -> str:
    """A range of Poetry's as pip writes it: ^1.6 is >=1.6,<2; ^0.3 is >=0.3,<0.4."""
    if version.strip() == "*":
        return ""
    found = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)", version.strip())
    if not found:
        return version.replace(" ", "") if version.strip()[:1] in "<>=!~" else f"=={version.strip()}"
    parts = [int(part) for part in found[2].split(".")]
    moving = (
        next((n for n, part in enumerate(parts) if part), len(parts) - 1) if found[1] == "^" else min(1, len(parts) - 1)
    )
    ceiling = [*parts[:moving], parts[moving] + 1]
    return f">={found[2]},<{'.'.join(map(str, ceiling))}"


def _setup_cfg(path: Path) -> dict[str, Any]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return {key: value for part in ("metadata", "options") if part in parser for key, value in parser[part].items()}


def _setup_py(path: Path) -> dict[str, Any]:
    """The plain values that are given to setup()."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or getattr(called, "id", getattr(called, "attr", "")) != "setup":
            continue
        for part in node.keywords:
            try:
                found[str(part.arg)] = ast.literal_eval(part.value)
            except ValueError:
                continue
    return found
