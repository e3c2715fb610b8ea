"""The quoting filters for the project template, as the extension of Jinja that its copier.yml names."""

from jinja2 import Environment
from jinja2.ext import Extension

from seatrial.core.quoting import FILTERS


class QuotingFilters(Extension):
    """Adds a filter for each language that a rendered file is in."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters.update(FILTERS)
