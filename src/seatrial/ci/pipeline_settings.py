"""What a pipeline needs to know about a project, from its pyproject.toml and its location in the repository."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.core.git import ask_git
from seatrial.core.index_settings import VARIABLE
from seatrial.core.model_libraries import declared_libraries
from seatrial.core.project import ProjectSettings, read_toml, toolkit_of
from seatrial.core.quoting import github_filter, glob, shell
from seatrial.core.settings import unknown_key

KEYS = {
    "branch": "the branch that is published and deployed",
    "target": "where the branch is deployed: local, docker, railway, kubernetes, or your own target",
    "index": "the name of the index to publish to and deploy from, of those in [tool.seatrial.index]",
    "python": "the version of Python",
    "schedule": "when to train again, as five cron fields, UTC",
    "watch": "when to look at the prediction log, as five cron fields, UTC; default: no pipeline does",
    "repository": "the root of the git repository, relative to the project",
    "shared": "a list of other files and folders that the project uses: its jobs run when they change",
}
LOCK = "requirements/ci.txt"
# What the command line of a target reads from the environment, in addition to what the project's settings name.
TARGET_TOKENS = {"railway": ("RAILWAY_TOKEN",)}
# What reads the prediction log, by where it is, and what sends alarms.
LOG_TOKENS = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "postgresql": ("PGPASSWORD",),
}
WATCH_TOKENS = ("SEATRIAL_WATCH_WEBHOOK", "SEATRIAL_WATCH_SECRET")
TOOLS = ("pytest", "ruff")


@dataclass(frozen=True)
class CiPipeline:
    """The values for the templates. `folder` is the project within its repository, "" for the root.

    `key` is a prefix of its jobs' names, "" for a project that is alone in its pipeline file.
    """

    name: str
    package: str
    folder: str
    branch: str
    target: str
    python: str
    schedule: str
    index: str | None  # the name of the index to publish to; None for the default one
    index_folder: str | None  # the folder in the project that is the index, which is gone when a job ends
    pull_tokens: tuple[str, ...]  # to read the index; names of environment variables, never their values
    push_tokens: tuple[str, ...]  # to publish to it
    deploy_tokens: tuple[str, ...]
    lock: str | None  # the lockfile of the tools, if the project has one
    tools: tuple[str, ...]
    shared: tuple[str, ...] = ()  # other files and folders that it uses, from the root of the repository
    key: str = ""
    watch: str = ""  # when to look at the prediction log
    watch_tokens: tuple[str, ...] = ()  # to read the log, and to send alarms
    retrain: bool = False  # whether an alarm opens a request to train again

    @property
    def retrain_branch(self) -> str:
        """The branch of the request to train again; it is left alone until it is merged or deleted."""
        return self.job("seatrial-retrain")

    @property
    def retrain_left(self) -> str:
        """What a look says that finds the branch of an earlier one."""
        return f"The branch {self.retrain_branch} is not merged, so it stays as it is. Merge its request, or delete it."

    @property
    def at(self) -> str:
        """The path from the root of the repository to the project: titanic/, or nothing."""
        return f"{self.folder}/" if self.folder else ""

    def job(self, name: str) -> str:
        """A job's name, with the project's name if there are several projects."""
        return f"{self.key}-{name}" if self.key else name

    def install(self, at: str = "") -> str:
        """The arguments of `pip install` for the tools, by hash if there is a lockfile; `at` is the project's path."""
        words = ["--require-hashes", "-r", f"{at}{self.lock}"] if self.lock else self.tools
        return " ".join(map(shell, words))

    @property
    def from_index(self) -> str:
        """The option of a command for the index to publish to and deploy from, with the space before it."""
        return f" --index {shell(self.index)}" if self.index else ""

    def below(self, paths: Sequence[str]) -> str:
        """Globs for paths below the project, one a line, as GitHub's actions take them."""
        return "\n".join(glob(f"{self.at}{path}") for path in paths)

    def titled(self, job: str) -> str:
        """A job's name for people, with the project's name if there are several projects."""
        return f"{job} {self.name}" if self.key else job

    def paths(self, pipeline: str, star: str = "") -> list[str]:
        """Patterns of the files that change the project: its own, shared ones, and the pipeline file.

        A shared name may be a file or a folder, so there is a pattern for each. `star` is what follows `**`.
        """
        own = [f"{(glob if star else github_filter)(self.at)}**{star}"]
        shared = [name for each in self.shared for name in (each.rstrip("/"), f"{each.rstrip('/')}/**{star}")]
        return [*own, *shared, pipeline]

    @property
    def contexts(self) -> dict[str, tuple[str, ...]]:
        """The groups of variables with tokens; a job gets those that it needs and no others."""
        groups = {
            "seatrial-pull": self.pull_tokens,
            "seatrial-publish": self.push_tokens,
            "seatrial-deploy": self.deploy_tokens,
            "seatrial-watch": self.watch_tokens if self.watch else (),
        }
        return {name: tokens for name, tokens in groups.items() if tokens}

    def secrets(self, job: str) -> list[str]:
        """The contexts that a job needs."""
        needs = {
            "train": ("seatrial-pull",),  # a retrain asks the index whether it needs a new version
            "trial": ("seatrial-pull",),
            "publish": ("seatrial-pull", "seatrial-publish"),
            "deploy": ("seatrial-pull", "seatrial-deploy"),
            "watch": ("seatrial-pull", "seatrial-watch"),
        }
        # The toolkit itself may be on the private index, so each job reads it.
        wanted = needs.get(job, ("seatrial-pull",) if self.lock else ())
        return [name for name in wanted if name in self.contexts]

    def environment(self, job: str) -> str:
        """The GitHub environment of a job: one of the contexts, "" if it needs none.

        The deployment has one even without tokens, so that it can be restricted to a branch and to reviewers.
        """
        secrets = self.secrets(job)
        return "seatrial-deploy" if job == "deploy" else secrets[-1] if secrets else ""

    def tokens(self, job: str) -> list[str]:
        """The names of the variables that a job needs."""
        return list(dict.fromkeys(token for name in self.secrets(job) for token in self.contexts[name]))


def read_pipeline(project: ProjectSettings) -> CiPipeline:
    """Read what the pipelines of a project need.

    Raises SeatrialError if [tool.seatrial.ci] has an unknown key, or a value that a pipeline cannot have.
    """
    settings = _settings(project)
    index = settings.get("index")
    indexes = {each.name: each for each in project.indexes}
    if index and index not in indexes:
        raise SeatrialError(
            f"{project.root / 'pyproject.toml'}: [tool.seatrial.ci] index = {index!r} is not the name of an index.",
            hint=f"The names in [tool.seatrial.index]: {', '.join(indexes) or 'none'}.",
        )
    target = settings.get("target") or next(iter(project.deploy), "local")
    chosen = indexes[index] if index else project.index
    inside = chosen.folder if chosen.folder and chosen.folder.is_relative_to(project.root) else None
    return CiPipeline(
        name=project.name,
        package=project.package,
        folder=_path_of(project.root, top_of(project)),
        branch=settings.get("branch", "main"),
        target=target,
        python=settings.get("python", "3.11"),
        schedule=settings.get("schedule", "23 4 * * 1"),
        index=index,
        index_folder=_path_of(inside, project.root) if inside else None,
        pull_tokens=tuple(filter(None, [chosen.pull_token])),
        push_tokens=tuple(filter(None, [chosen.push_token])),
        deploy_tokens=tuple(dict.fromkeys([*TARGET_TOKENS.get(target, ()), *_tokens(project.deploy.get(target))])),
        lock=LOCK if (project.root / LOCK).is_file() else None,
        tools=(toolkit_requirement(project), *TOOLS),
        shared=tuple(settings.get("shared", ())),
        watch=settings.get("watch", ""),
        watch_tokens=_watch_tokens(project) if "watch" in settings else (),
        retrain=_retrains(project),
    )


def _retrains(project: ProjectSettings) -> bool:
    """Whether an alarm opens a request to train again. Raises SeatrialError for another setting."""
    chosen = project.watch.get("retrain", "never")
    if chosen not in ("never", "open"):
        where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.watch]"
        raise SeatrialError(f'{where} retrain = {chosen!r} is neither "never" nor "open".')
    return bool(chosen == "open")


def _watch_tokens(project: ProjectSettings) -> tuple[str, ...]:
    """The variables with which a pipeline reads the log and sends alarms. Raises SeatrialError if it has no access."""
    log = str(project.log.get("to", ""))
    scheme = log.partition("://")[0]
    if scheme not in LOG_TOKENS:
        raise SeatrialError(
            f"{project.root / 'pyproject.toml'}: [tool.seatrial.ci] watch: no pipeline can read the log.",
            hint="Set `to` in [tool.seatrial.log] to s3://, gs:// or postgresql://; or run `seatrial watch` from cron "
            "on the machine that has the folder.",
        )
    hashed = ("SEATRIAL_LOG_KEY",) if project.log.get("hashed") else ()
    return (*LOG_TOKENS[scheme], *hashed, *WATCH_TOKENS)


def _path_of(folder: Path, above: Path) -> str:
    """A folder's path below another one, empty for that itself. Pipelines list paths in lines."""
    path = "" if folder == above else folder.relative_to(above).as_posix()
    if not path.isprintable():
        raise SeatrialError(f"{path!r} has a character that no pipeline can name.", hint="Rename the folder.")
    return path


def toolkit_requirement(project: ProjectSettings) -> str:
    """The toolkit with everything that a pipeline needs, in the versions that the project requires."""
    wanted = toolkit_of(project)
    extras = ",".join(("all", *declared_libraries(read_toml(project.root / "pyproject.toml"))))
    return f"seatrial[{extras}]{wanted.specifier if wanted else ''}"


def repository_of(folder: Path) -> Path:
    """The root of the git repository that a folder is in; the folder itself if there is none."""
    return Path(ask_git(folder, "rev-parse", "--show-toplevel") or folder)


def top_of(project: ProjectSettings) -> Path:
    """The root of a project's repository: from its settings, else from git."""
    relative = _settings(project).get("repository")
    top = (project.root / relative).resolve() if relative else repository_of(project.root)
    if not project.root.is_relative_to(top):
        raise SeatrialError(
            f"{project.root / 'pyproject.toml'}: [tool.seatrial.ci] repository does not contain the project.",
            hint='Give the root of the git repository, relative to the project: a parent folder, as in "../..".',
        )
    return top


def _settings(project: ProjectSettings) -> dict[str, Any]:
    where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.ci]"
    for key, value in project.ci.items():
        if key not in KEYS:
            raise unknown_key(where, key, KEYS)
        # These values end up in files that a shell and a CI service read, so they must have no meaning there.
        shape = r"[0-9*/, -]+" if key in ("schedule", "watch") else r"[A-Za-z0-9][\w./-]*|\.\.?[\w./-]*"
        words = value if key == "shared" and isinstance(value, list) else [] if key == "shared" else [value]
        if not words or not all(isinstance(word, str) and re.fullmatch(shape, word) for word in words):
            raise SeatrialError(f"{where} {key} = {value!r} cannot be used in a pipeline.", hint=f"It is {KEYS[key]}.")
    for key in ("schedule", "watch"):
        if key in project.ci and len(project.ci[key].split()) != 5:
            raise SeatrialError(f"{where} {key} must have five fields, as in 23 4 * * 1 for Mondays at 04:23 UTC.")
    return project.ci


def _tokens(settings: Any) -> tuple[str, ...]:
    """The names of environment variables in a target's settings, under keys that end in token or password."""
    if not isinstance(settings, dict):
        return ()
    names = [v for k, v in settings.items() if re.search(r"(token|password)(_env)?$", k) and isinstance(v, str)]
    return tuple(name for name in dict.fromkeys(names) if VARIABLE.fullmatch(name))
