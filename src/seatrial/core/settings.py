"""Settings from pyproject.toml held to what there is: every fault is one line that names file, key and meaning."""

import difflib
from collections.abc import Collection
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from seatrial.core.errors import SeatrialError

Model = TypeVar("Model", bound=BaseModel)


def unknown_key(
    where: str, key: str, known: Collection[str], error: type[SeatrialError] = SeatrialError
) -> SeatrialError:
    """Say that a table of settings has a key that there is not, with the nearest one that there is."""
    near = difflib.get_close_matches(key, known, 1)
    hint = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}."
    return error(f"{where} has an unknown key `{key}`.", hint=hint)


def read_table(
    model: type[Model], settings: dict[str, Any], where: str, error: type[SeatrialError] = SeatrialError
) -> Model:
    """Read a table of settings; `where` is its file and name. Raises `error` with what a wrong key should be."""
    try:
        return model.model_validate(settings)
    except ValidationError as wrong:
        fault = wrong.errors(include_url=False)[0]
        key = str(fault["loc"][0])
        if fault["type"] == "extra_forbidden":
            raise unknown_key(where, key, model.model_fields, error) from None
        meaning = f"It is {model.model_fields[key].description}."
        if fault["type"] == "missing":
            raise error(f"{where} needs `{key}`.", hint=meaning) from None
        raise error(f"{where} {key} = {fault['input']!r}: {fault['msg']}.", hint=meaning) from None
