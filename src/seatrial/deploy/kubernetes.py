"""The target `kubernetes`: plain manifests, to be read, kept and applied by whatever applies manifests; or by kubectl.

The image comes from a registry. With `build` it is built and pushed here, by Docker or Podman; else the target docker's
`push`, or CI, has brought it there.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from pydantic import Field

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings
from seatrial.deploy.images import (
    PORT,
    PYTHON,
    Engine,
    find_engine,
    image_name,
    own_or,
    render_dockerfile,
    render_dockerignore,
    tag_of,
)
from seatrial.deploy.manifests import render as render_template
from seatrial.deploy.target import Pinned, Progress
from seatrial.deploy.target_settings import TargetSettings, read_settings
from seatrial.deploy.tools import Tool, ToolError, find_tool

INSTALL = "Install kubectl, or render the manifests and apply them elsewhere: seatrial deploy kubernetes --render."
VERSION_PATH = "jsonpath={.spec.template.metadata.labels.app\\.kubernetes\\.io/version}"
SHA_PATH = "jsonpath={.spec.template.metadata.annotations.seatrial/wheel-sha256}"


class KubernetesSettings(TargetSettings):
    """[tool.seatrial.deploy.kubernetes]."""

    image: str | None = Field(
        None, description="the image's name with its registry and without a tag; default: the project's name"
    )
    build: bool = Field(False, description="build and push the image first, by Docker or Podman")
    python: str = Field(PYTHON, description="the Python of the base image python:X-slim, where it is built here")
    digest: str | None = Field(
        None, pattern="^sha256:[0-9a-f]{64}$", description="the image's digest, to pin it to the byte"
    )
    namespace: str | None = Field(None, description="the namespace; default: kubectl's own")
    context: str | None = Field(None, description="the cluster, as kubectl calls it; default: kubectl's own")
    port: int = Field(PORT, ge=1024, le=65535, description="the port in the container; the service listens on 80")
    min_replicas: int = Field(2, ge=1, description="the fewest pods")
    max_replicas: int = Field(6, ge=1, description="the most pods")
    cpu: str = Field("250m", description="the CPU that a pod asks for")
    memory: str = Field("512Mi", description="the memory that a pod asks for and may take")
    cpu_target: int = Field(70, ge=1, le=100, description="percent of that CPU above which pods are added")
    pull_secret: str | None = Field(None, description="the secret with the registry's password")
    patience: int = Field(300, ge=1, description="seconds within which the new release must be rolled out")


class Release(Protocol):
    """What manifests tell of a release: a `Pinned` has it, and a release on an index."""

    @property
    def name(self) -> str:
        """The distribution's name."""
        ...

    @property
    def version(self) -> str:
        """Its version."""
        ...

    @property
    def sha256(self) -> str:
        """The hash of its wheel."""
        ...


def render(project: ProjectSettings, release: Release) -> str:
    """The manifests of one release of a project, for `--render`."""
    return Kubernetes(project, project.deploy.get("kubernetes", {})).render(release)


class Kubernetes:
    """Applies the manifests by kubectl, and waits for the roll-out."""

    name = "kubernetes"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self.project = project
        self.settings = read_settings(KubernetesSettings, settings, project, self.name)
        if self.settings.max_replicas < self.settings.min_replicas:
            raise SeatrialError(
                f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.kubernetes] max_replicas is less than "
                f"min_replicas, {self.settings.min_replicas}."
            )
        if self.settings.build and (self.settings.image is None or self.settings.digest):
            raise SeatrialError(
                f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.kubernetes] build needs `image`, and no "
                "`digest`, which would be that of another build.",
                hint='As image = "registry.example.com/team/titanic-model".',
            )
        self.app = image_name(project.name)

    def files(self) -> dict[str, str]:
        """Nothing stands beside the pin: the manifests are of one release, and rendered when they are wanted."""
        return {}

    def render(self, release: Release) -> str:
        """Deployment, Service, HorizontalPodAutoscaler and PodDisruptionBudget, as YAML."""
        kept = ("namespace", "port", "min_replicas", "max_replicas", "cpu", "memory", "cpu_target", "pull_secret")
        digest = f"@{self.settings.digest}" if self.settings.digest else ""
        return render_template(
            "kubernetes.yaml.jinja",
            name=release.name,
            app=self.app,
            version=release.version,
            tag=tag_of(release.version),
            sha256=release.sha256,
            image=f"{self._image(release)}{digest}",
            patience=self.settings.patience,
            **{key: getattr(self.settings, key) for key in kept},
        )

    def check(self) -> None:
        """Raise SeatrialError where kubectl is missing, or may not deploy in the cluster."""
        self._run("auth", "can-i", "create", "deployments.apps", doing="deploy in the cluster", hint=self._access)
        if self.settings.build:
            _ = self._engine

    def prepare(self, pinned: Pinned, progress: Progress) -> None:
        """Build the image from the pin and push it, where `build` is set; the cluster is not touched."""
        if not self.settings.build:
            return
        image = self._image(pinned)
        dockerfile = render_dockerfile(self.project, python=self.settings.python, port=self.settings.port)
        described = {"Dockerfile": dockerfile, ".dockerignore": render_dockerignore()}
        own = self.project.root / "deploy" / self.name
        self._engine.build(image, pinned, own_or(described, own), progress)
        self._engine.push(image, image, progress)

    def switch(self, pinned: Pinned, commit: Callable[[], None], progress: Progress) -> str:
        """Apply the manifests and wait; a roll-out that fails is taken back, while the old pods serve on."""
        before = self._revision()
        self._roll_out(pinned, before is not None, progress)
        commit()
        return f"service/{self.app}" + (f" in {self.settings.namespace}" if self.settings.namespace else "")

    def settle(self, pinned: Pinned | None, progress: Progress) -> None:
        """Roll out the pin where the cluster has been told to run another release, or none."""
        if pinned is None:
            return
        there = self._revision()
        if there != pinned.sha256:
            self._roll_out(pinned, there is not None, progress)

    def serving(self) -> str | None:
        """Give the version that the cluster has last been told to run; None where there is none, or no kubectl."""
        try:
            return self._get(VERSION_PATH)
        except SeatrialError:
            return None

    def _roll_out(self, pinned: Pinned, earlier: bool, progress: Progress) -> None:
        progress(f"applying {pinned.name} {pinned.version}")
        self._run("apply", "--filename", "-", doing="apply the manifests", given=self.render(pinned), hint=self._access)
        progress("waiting for the roll-out")
        patience = self.settings.patience
        deployment = f"deployment/{self.app}"
        try:
            self._run(
                *("rollout", "status", deployment, f"--timeout={patience}s"),
                doing=f"roll out {pinned.version}",
                timeout=patience + 30.0,
                hint=f"What went wrong: kubectl describe pods --selector app.kubernetes.io/name={self.app}.",
            )
        except SeatrialError as error:
            if not earlier:
                raise
            self._run("rollout", "undo", deployment, doing="take the roll-out back")
            raise SeatrialError(f"{error.message}\nThe old release serves on.", hint=error.hint) from None

    @cached_property
    def _engine(self) -> Engine:
        return find_engine()

    def _image(self, release: Release) -> str:
        return f"{self.settings.image or self.app}:{tag_of(release.version)}"

    @property
    def _access(self) -> str:
        return "See `kubectl config current-context`; `context` and `namespace` can be set, or use --render."

    def _revision(self) -> str | None:
        return self._get(SHA_PATH)

    def _get(self, path: str) -> str | None:
        try:
            return self._run("get", f"deployment/{self.app}", "--output", path, doing="look at the deployment") or None
        except ToolError as error:
            if "notfound" in error.output.lower():
                return None
            raise

    def _run(self, *arguments: str, doing: str, timeout: float = 60.0, given: str | None = None, hint: str = "") -> str:
        where = [f"--{key}={value}" for key in ("context", "namespace") if (value := getattr(self.settings, key))]
        return self._kubectl().run(*where, *arguments, doing=doing, timeout=timeout, given=given, hint=hint)

    @staticmethod
    def _kubectl() -> Tool:
        return find_tool(["kubectl"], hint=INSTALL)
