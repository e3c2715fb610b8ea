"""Records in, HTML out: the look that every page and report shares, with templates and assets as files.

`render` fills a template of `templates/`, `asset` reads a file of `assets/`. It never measures, decides or serves.
"""

from seatrial.pages.html import asset, render

__all__ = ["asset", "render"]
