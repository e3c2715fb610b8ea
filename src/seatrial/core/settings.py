"""Settings in pyproject.toml, validated: each error is one line with the file, the key and what the key means."""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from seatrial.core.errors import SeatrialError
from seatrial.core.files import write_atomic

Model = TypeVar("Model", bound=BaseModel)


def unknown_key(
    where: str, key: str, known: Collection[str], error: type[SeatrialError] = SeatrialError
) -> SeatrialError:
    """Report an unknown key of a settings table, with the most similar known one."""
    return error(f"{where} has an unknown key `{key}`.", hint=near_hint(key, known, "Known keys"))


def near_hint(name: str, known: Collection[str], heading: str = "Known") -> str:
    """Suggest the most similar known name, or list all."""
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean `{near[0]}`?" if near else f"{heading}: {', '.join(known)}."


def read_table(
    model: type[Model], settings: dict[str, Any], where: str, error: type[SeatrialError] = SeatrialError
) -> Model:
    """Validate a settings table; `where` is its file and name. Raises `error` with the description of a wrong key."""
    try:
        return model.model_validate(settings)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        key = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise unknown_key(where, key, model.model_fields, error) from None
        meaning = f"It is {model.model_fields[key].description}."
        if first["type"] == "missing":
            raise error(f"{where} needs `{key}`.", hint=meaning) from None
        raise error(f"{where} {key} = {first['input']!r}: {first['msg']}.", hint=meaning) from None


def write_setting(root: Path, keys: tuple[str, ...], value: str) -> None:
    """Set a key below [tool.seatrial] in pyproject.toml; comments and order stay."""
    import tomlkit

    path = root / "pyproject.toml"
    document = tomlkit.parse(path.read_text("utf-8-sig"))
    table: Any = document["tool"]["seatrial"]
    for key in keys[:-1]:
        if key not in table:
            table[key] = tomlkit.table(is_super_table=key != keys[-2])
        table = table[key]
    table[keys[-1]] = value
    write_atomic(path, tomlkit.dumps(document))
