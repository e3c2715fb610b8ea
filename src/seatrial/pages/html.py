"""Renders HTML pages from templates, and reads the assets that they refer to."""

from pathlib import Path
from typing import Any

from seatrial.pages.jinja import jinja_environment

HERE = Path(__file__).parent


def render(template: str, **values: Any) -> str:
    """Render `templates/<template>`. All text is escaped, and an undefined name is an error."""
    environment = jinja_environment(HERE / "templates", html=True)
    environment.globals["asset"] = asset
    return environment.get_template(template).render(**values)


def asset(name: str) -> str:
    """Read a file of `assets/`: a style sheet, a script or an image."""
    return (HERE / "assets" / name).read_text(encoding="utf-8")
