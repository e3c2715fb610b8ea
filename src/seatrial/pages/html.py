"""Fills templates, and reads the assets they refer to."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent


def render(template: str, **values: Any) -> str:
    """Fill `templates/<template>` with the values; a name that is not given is an error, and all text is escaped."""
    return _environment().get_template(template).render(**values)


def asset(name: str) -> str:
    """Read a file of `assets/`: a style sheet, a script, a drawing."""
    return (HERE / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = asset
    return environment
