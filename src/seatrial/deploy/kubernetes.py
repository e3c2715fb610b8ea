"""The target `kubernetes`: plain manifests, to review, keep and apply with any tool, or with kubectl from here.

The image comes from a registry. With `build` it is built and pushed here, by Docker or Podman. Otherwise the `push`
setting of the target docker, or a CI job, must have pushed it.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import Field

from seatrial.core.access_keys import KEYS_FILE
from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256, write_atomic
from seatrial.core.progress import Progress
from seatrial.core.project import ProjectSettings
from seatrial.deploy.admission import IMAGE, TRIAL
from seatrial.deploy.image_statement import IMAGE_STATEMENT, ImageStatement, sign_image
from seatrial.deploy.images import (
    PORT,
    ContainerEngine,
    ImageSettings,
    docker_files,
    edited_or,
    find_engine,
    image_name,
    render_template,
    tag_of,
)
from seatrial.deploy.service_keys import OPEN_HELP
from seatrial.deploy.service_log import SPOOL, container_log
from seatrial.deploy.target import PinnedRelease, read_settings
from seatrial.deploy.tools import ToolError, find_tool
from seatrial.wheels.attestation import STATEMENT, signing_key

INSTALL = "Install kubectl, or print the manifests and apply them elsewhere: `seatrial deploy kubernetes --render`."
ACCESS = "Check `kubectl config current-context`, and the settings `context` and `namespace`. Or use --render."
DIGEST = "image-digest"  # in the store, next to the lockfile: of the image that was pushed
ANNOTATION_LIMIT = 96 << 10  # bytes; 256 KiB hold all annotations, and kubectl keeps a copy of what it applied there
ADMISSION = "seatrial-admission"  # the namespace of the webhook, and the name of everything in it
PRE_STOP = 5  # seconds in which requests still arrive, until every node knows that the pod is terminating
STOP_SECONDS = 10  # for what is in progress after the drain
VERSION_PATH = "jsonpath={.spec.template.metadata.labels.app\\.kubernetes\\.io/version}"
SHA_PATH = "jsonpath={.spec.template.metadata.annotations.seatrial/wheel-sha256}"


class KubernetesSettings(ImageSettings):
    """[tool.seatrial.deploy.kubernetes]."""

    image: str | None = Field(
        None, description="the image's name with its registry and without a tag; default: the project's name"
    )
    build: bool = Field(False, description="build and push the image first, by Docker or Podman")
    digest: str | None = Field(
        None, pattern="^sha256:[0-9a-f]{64}$", description="the image's digest, to pin the exact image"
    )
    admission_image: str | None = Field(
        None, description="the image of the admission webhook, for --render-admission: it has seatrial[serve,sign]"
    )
    namespace: str | None = Field(None, description="the namespace; default: kubectl's own")
    context: str | None = Field(None, description="the kubectl context of the cluster; default: kubectl's own")
    port: int = Field(PORT, ge=1024, le=65535, description="the port in the container; the service listens on 80")
    min_replicas: int = Field(2, ge=1, description="the minimum number of pods")
    max_replicas: int = Field(6, ge=1, description="the maximum number of pods")
    cpu: str = Field("250m", description="the CPU that a pod requests")
    memory: str = Field("512Mi", description="the memory that a pod requests, and its limit")
    cpu_target: int = Field(70, ge=1, le=100, description="percent of that CPU above which pods are added")
    pull_secret: str | None = Field(None, description="the secret with the registry's password")
    keys_secret: str | None = Field(
        None,
        description="the secret whose entry keys.json has the access keys; default: the project's name with -keys",
    )
    open: bool = Field(False, description=OPEN_HELP)
    drain: int = Field(
        25, ge=0, description="seconds in which a pod that terminates answers one more request on each open connection"
    )
    patience: int = Field(300, ge=1, description="seconds within which the rollout must complete")


class Kubernetes:
    """Applies the manifests with kubectl and waits for the rollout."""

    name = "kubernetes"

    def __init__(self, project: ProjectSettings, settings: dict[str, Any]) -> None:
        self.project = project
        self.settings = read_settings(KubernetesSettings, settings, project, self.name)
        where = f"{project.root / 'pyproject.toml'}: [tool.seatrial.deploy.kubernetes]"
        if self.settings.max_replicas < self.settings.min_replicas:
            raise SeatrialError(f"{where} max_replicas is less than min_replicas, {self.settings.min_replicas}.")
        if self.settings.build and (self.settings.image is None or self.settings.digest):
            raise SeatrialError(
                f"{where} build needs `image`, and no `digest`, which would be that of another build.",
                hint='For example: image = "registry.example.com/team/titanic-model".',
            )
        self.app = image_name(project.name)

    def render(
        self, version: str, sha256: str, statements: Mapping[str, str] | None = None, digest: str | None = None
    ) -> str:
        """Deployment, Service, HorizontalPodAutoscaler and PodDisruptionBudget, as YAML.

        `statements` are annotations of the pods: what a cluster's admission webhook verifies. SeatrialError where they
        are too large.
        """
        digest = digest or self.settings.digest
        size = sum(len(text.encode()) for text in (statements or {}).values())
        if size > ANNOTATION_LIMIT:
            raise SeatrialError(
                f"The signed statements have {size >> 10} KiB, and as annotations of a pod they may have "
                f"{ANNOTATION_LIMIT >> 10} KiB.",
                hint="Sign the trial again, with a key that is not larger than usual.",
            )
        log = container_log(self.project, self.name, self.settings.log)
        return render_template(
            "kubernetes.yaml.jinja",
            name=self.project.name,
            app=self.app,
            version=version,
            tag=tag_of(version),
            sha256=sha256,
            pre_stop=PRE_STOP,
            grace=PRE_STOP + self.settings.drain + STOP_SECONDS,
            keys_file=KEYS_FILE.name,
            **{
                **self.settings.model_dump(),
                "keys_secret": self._keys_secret,
                "log": log.text() if log.to else "",
                "spool": SPOOL,
                "image": f"{self._image(version)}{f'@{digest}' if digest else ''}",
            },
            statements={name: text.strip() for name, text in (statements or {}).items()},
        )

    def render_admission(self, keys: Sequence[bytes], authority: bytes) -> str:
        """The webhook that admits signed releases only, as YAML; `authority` is the certificate that signed its own."""
        if self.settings.admission_image is None:
            where = f"{self.project.root / 'pyproject.toml'}: [tool.seatrial.deploy.kubernetes]"
            raise SeatrialError(
                f"{where} admission_image is not set.", hint='An image with `pip install "seatrial[serve,sign]"`.'
            )
        if b"-----BEGIN CERTIFICATE-----" not in authority:
            raise SeatrialError("The certificate of the authority is not in PEM form.", hint="Give ca.pem, its file.")
        return render_template(
            "admission.yaml.jinja",
            name=self.project.name,
            own=ADMISSION,
            image=self.settings.admission_image,
            keys=[key.decode("ascii", errors="replace") for key in keys],
            ca=base64.b64encode(authority).decode(),
        )

    def beside(self, pinned: PinnedRelease) -> tuple[dict[str, str], str]:
        """What is stored with a lockfile: the signed statements, as annotations; and the digest of the built image."""
        names = {TRIAL: STATEMENT, IMAGE: IMAGE_STATEMENT} if self.settings.build else {TRIAL: STATEMENT}
        found = {key: text for key, name in names.items() if (text := pinned.beside(name))}
        return found, pinned.beside(DIGEST) if self.settings.build else ""

    def check(self) -> None:
        """Raise SeatrialError if kubectl is missing or may not deploy to the cluster."""
        self._run("auth", "can-i", "create", "deployments.apps", doing="deploy to the cluster", hint=ACCESS)
        if not self.settings.open:
            self._require_keys()
        if self.settings.build:
            _ = self._engine

    def prepare(self, pinned: PinnedRelease, progress: Progress) -> None:
        """Build the image from the lockfile and push it, if `build` is set. The cluster is not affected."""
        if not self.settings.build:
            return
        image = self._image(pinned.version)
        files = docker_files(self.project, self.settings, port=self.settings.port)
        self._engine.build(
            image,
            pinned,
            edited_or(files, self.project.root / "deploy" / self.name, self.settings.base_image),
            progress,
        )
        digest = self._engine.push(image, image, progress)
        write_atomic(pinned.requirements.with_name(DIGEST), digest)
        signed = ""
        if digest and (key := signing_key()):
            signed = sign_image(ImageStatement(image, digest, pinned.sha256, sha256(pinned.requirements)), key)
        write_atomic(pinned.requirements.with_name(IMAGE_STATEMENT), signed)

    def switch(self, pinned: PinnedRelease, commit: Callable[[], None], progress: Progress) -> str:
        """Apply the manifests and wait. A rollout that fails is undone, and the old pods keep running."""
        self._roll_out(pinned, self._deployed_hash() is not None, progress)
        commit()
        return f"service/{self.app}" + (f" in {self.settings.namespace}" if self.settings.namespace else "")

    def settle(self, pinned: PinnedRelease | None, progress: Progress) -> None:
        """Roll out the release of the lockfile if another one, or none, was applied to the cluster."""
        if pinned is None:
            return
        deployed = self._deployed_hash()
        if deployed != pinned.sha256:
            self._roll_out(pinned, deployed is not None, progress)

    def serving(self) -> str | None:
        """Return the version that was last applied to the cluster; None if there is none, or no kubectl."""
        try:
            return self._get(VERSION_PATH)
        except SeatrialError:
            return None

    def _roll_out(self, pinned: PinnedRelease, replaces: bool, progress: Progress) -> None:
        progress(f"applying {pinned.name} {pinned.version}")
        manifests = self.render(pinned.version, pinned.sha256, *self.beside(pinned))
        self._run("apply", "--filename", "-", doing="apply the manifests", stdin=manifests, hint=ACCESS)
        progress("waiting for the rollout")
        patience = self.settings.patience
        deployment = f"deployment/{self.app}"
        try:
            self._run(
                *("rollout", "status", deployment, f"--timeout={patience}s"),
                doing=f"roll out {pinned.version}",
                timeout=patience + 30.0,
                hint=f"To see why, run `kubectl describe pods --selector app.kubernetes.io/name={self.app}`.",
            )
        except SeatrialError as error:
            if not replaces:
                raise
            self._run("rollout", "undo", deployment, doing="undo the rollout")
            raise SeatrialError(f"{error.message}\nThe old release is still running.", hint=error.hint) from None

    @property
    def _keys_secret(self) -> str:
        return self.settings.keys_secret or f"{self.app}-keys"

    def _require_keys(self) -> None:
        """Raise SeatrialError if the cluster has no secret with access keys: no pod would start."""
        try:
            self._run("get", "secret", self._keys_secret, "--output", "name", doing="find the access keys")
        except ToolError as error:
            if "notfound" not in error.output.lower().replace(" ", ""):
                return  # who may deploy may not read secrets
            raise SeatrialError(
                f"The cluster has no secret {self._keys_secret} with access keys.",
                hint="Make one: `seatrial keys add NAME`, then `kubectl create secret generic "
                f"{self._keys_secret} --from-file {KEYS_FILE}`. Or let anyone call it: open = true.",
            ) from None

    @cached_property
    def _engine(self) -> ContainerEngine:
        return find_engine()

    def _image(self, version: str) -> str:
        return f"{self.settings.image or self.app}:{tag_of(version)}"

    def _deployed_hash(self) -> str | None:
        return self._get(SHA_PATH)

    def _get(self, path: str) -> str | None:
        try:
            return self._run("get", f"deployment/{self.app}", "--output", path, doing="read the deployment") or None
        except ToolError as error:
            if "notfound" in error.output.lower():
                return None
            raise

    def _run(self, *arguments: str, **options: Any) -> str:
        where = [f"--{key}={value}" for key in ("context", "namespace") if (value := getattr(self.settings, key))]
        return find_tool("kubectl", hint=INSTALL).run(*where, *arguments, **options)
