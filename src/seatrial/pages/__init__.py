"""Turns records into HTML: the style, templates and charts that all pages and reports share.

`render` renders a template of `templates/`, `asset` reads a file of `assets/`. It never measures, decides or serves.
"""

from seatrial.pages.html import asset, render

__all__ = ["asset", "render"]
