"""Reads [tool.seatrial.deploy.<target>] against the target's own Pydantic model."""

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from seatrial.core.project import ProjectSettings
from seatrial.core.settings import read_table


class TargetSettings(BaseModel):
    """Settings of a target: each key has a description, which is its documentation."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


Model = TypeVar("Model", bound=TargetSettings)


def read_settings(model: type[Model], settings: dict[str, Any], project: ProjectSettings, target: str) -> Model:
    """Check the settings of one target; SeatrialError names the file, the key, the fault, and what the key means."""
    return read_table(model, settings, f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.{target}]")
