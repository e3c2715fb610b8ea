"""The CI services that there are: where each one looks, what fills the file, and what reads it for the doctor."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    """One service. `path` is from the top of a repository; `finds` fits every path that it reads pipelines from."""

    path: str
    template: str
    finds: re.Pattern[str]
    reader: str  # module:function, loaded when it is needed
    comments: bool  # whether `seatrial ci report` can leave a comment there


# Their names are those of core/choices.py.
SERVICES: dict[str, Service] = {
    "circleci": Service(
        ".circleci/config.yml",
        "circleci.yml",
        re.compile(r"\.circleci/config\.ya?ml"),
        "",
        comments=False,
    ),
    "github": Service(
        ".github/workflows/seatrial.yml",
        "github.yml",
        re.compile(r"\.github/workflows/[^/]+\.ya?ml"),
        "seatrial.ci.doctor.github:read_github",
        comments=True,
    ),
    "gitlab": Service(
        ".gitlab-ci.yml",
        "gitlab.yml",
        re.compile(r"\.gitlab-ci\.yml"),
        "seatrial.ci.doctor.gitlab:read_gitlab",
        comments=True,
    ),
}
