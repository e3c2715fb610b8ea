"""Reads [tool.seatrial.deploy.<target>] against the target's own Pydantic model; every fault is one clear line."""

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from seatrial.core.errors import SeatrialError
from seatrial.core.project import Project


class TargetSettings(BaseModel):
    """Settings of a target: each key has a description, which is its documentation."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


Model = TypeVar("Model", bound=TargetSettings)


def read_settings(model: type[Model], settings: dict[str, Any], project: Project, target: str) -> Model:
    """Check the settings of one target; SeatrialError names the file, the key, the fault, and what the key means."""
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{target}]"
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = str(fault["loc"][0])
        if fault["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, model.model_fields, 1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(model.model_fields)}."
            raise SeatrialError(f"{where} has an unknown key `{key}`.", hint=hint) from None
        meaning = f"It is {model.model_fields[key].description}."
        if fault["type"] == "missing":
            raise SeatrialError(f"{where} needs `{key}`.", hint=meaning) from None
        raise SeatrialError(f"{where} {key} = {fault['input']!r}: {fault['msg']}.", hint=meaning) from None
