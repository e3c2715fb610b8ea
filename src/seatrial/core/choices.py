"""The names of the CI services and deployment targets that a project can have; `ci` and `deploy` implement them."""

from typing import Literal, get_args

Provider = Literal["circleci", "github", "gitlab"]
Remote = Literal["docker", "railway", "kubernetes"]
Monitor = Literal["grafana"]
MONITOR: Monitor = "grafana"
PROVIDERS: tuple[str, ...] = get_args(Provider)
TARGETS: tuple[str, ...] = ("local", *get_args(Remote))
