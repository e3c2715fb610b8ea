"""The Jinja environment of all templates: HTML pages, deployment files and pipeline files."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seatrial.core.quoting import FILTERS

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def jinja_environment(templates: Path, *, html: bool = False, **delimiters: Any) -> "Environment":
    """The environment for a folder of templates; an undefined name is an error, and in `html` all text is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=html,  # noqa: S701 - other templates quote each word with the filter of its language
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not html,
        **delimiters,
    )
    environment.filters.update({} if html else FILTERS)
    return environment
