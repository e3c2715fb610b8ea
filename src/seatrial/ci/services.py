"""The supported CI services: where each one looks for its file, and the template of the file."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class CiService:
    """One CI service. `path` is from the root of a repository; `finds` matches every path it reads pipelines from."""

    path: str
    template: str
    finds: re.Pattern[str]
    comments: bool  # whether `seatrial ci report` can leave a comment there
    watch_template: str = ""  # of a file of its own for the watch; otherwise it is in the other


# The names are those in core/choices.py.
SERVICES: dict[str, CiService] = {
    "circleci": CiService(
        ".circleci/config.yml", "circleci.yml", re.compile(r"\.circleci/config\.ya?ml"), comments=False
    ),
    "github": CiService(
        ".github/workflows/seatrial.yml",
        "github.yml",
        re.compile(r"\.github/workflows/[^/]+\.ya?ml"),
        comments=True,
        watch_template="github-watch.yml",
    ),
    "gitlab": CiService(".gitlab-ci.yml", "gitlab.yml", re.compile(r"\.gitlab-ci\.yml"), comments=True),
}
