"""Admission to a Kubernetes cluster: only pods that run a release whose passed trial is signed.

The API server sends what is to be created, and asks. A pod has two signed statements as annotations: one about the
trial of a wheel, and one about the image that was built from that wheel. Both are verified, they must be about the same
wheel and lockfile, and every container must run exactly that image. Nothing that a container brings along may change
what the image runs: no other command, no folder mounted over its code.

Source: the API admission.k8s.io/v1 of Kubernetes.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.deploy.image_statement import verify_image
from seatrial.wheels.attestation import AttestationError, verify

API_VERSION, KIND = "admission.k8s.io/v1", "AdmissionReview"
TRIAL, IMAGE, WHEEL = "seatrial/trial-statement", "seatrial/image-statement", "seatrial/wheel-sha256"
TEMPLATES = {  # where the pods of each kind are described
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
REPLACING = ("command", "args", "workingDir", "envFrom", "volumeDevices")  # keys that can change what an image runs
VARIABLES = re.compile(r"PATH|PYTHON.*|LD_.*|BASH_ENV|ENV|SEATRIAL_HOME")
MOUNTS = ("/tmp", "/var/log", "/var/run/secrets", "/run/secrets", "/data")  # noqa: S108 - nothing there is run
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
DIGEST = re.compile(r"@(sha256:[0-9a-f]{64})$")


class NotAdmittedError(SeatrialError):
    """A pod that is not admitted."""


@dataclass(frozen=True)
class Gatekeeper:
    """Who decides: the team's public keys, and images that are no release, such as a sidecar's, by digest."""

    public_keys: Sequence[bytes]
    other_images: frozenset[str] = frozenset()

    def review(self, document: Any, *, today: date | None = None) -> dict[str, Any]:
        """Answer an AdmissionReview; ValueError where it is none."""
        request = document.get("request") if isinstance(document, dict) else None
        if not isinstance(request, dict) or (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
            raise ValueError(f"not an {KIND} of {API_VERSION}")
        uid = request.get("uid")
        if not isinstance(uid, str) or not uid:
            raise ValueError("a request without a uid")
        answer: dict[str, Any] = {"uid": uid, "allowed": True}
        try:
            if request.get("operation") in ("CREATE", "UPDATE"):
                answer["warnings"] = self._admit(request, today or datetime.now(UTC).date())
        except SeatrialError as error:
            answer = _refusal(uid, f"{error.message} {error.hint}")
        except (AttributeError, TypeError, KeyError, ValueError):
            answer = _refusal(uid, "The object cannot be read.")
        return {"apiVersion": API_VERSION, "kind": KIND, "response": answer}

    def _admit(self, request: Mapping[str, Any], today: date) -> list[str]:
        """Verify the pods of a request; returns warnings."""
        kind, pod = str(request["object"]["kind"]), _pod_of(request["object"])
        unchanged = request.get("operation") == "UPDATE" and _pod_of(request["oldObject"])["spec"] == pod["spec"]
        if kind == "Pod" and unchanged and pod["metadata"].get("deletionTimestamp"):
            return []  # one that was here before the webhook must be able to go
        annotations = (pod.get("metadata") or {}).get("annotations") or {}
        trial, image = (_annotation(annotations, name) for name in (TRIAL, IMAGE))
        built = verify_image(image, self.public_keys)
        if annotations.get(WHEEL, built.wheel_sha256) != built.wheel_sha256:
            raise NotAdmittedError(f"The annotation {WHEEL} names another wheel than the statement about the image.")
        warnings = []
        try:
            statement = verify(trial, self.public_keys, built.wheel_sha256, today=today)
        except AttestationError:
            statement = verify(trial, self.public_keys, built.wheel_sha256, today=date.min)
            if kind != "Pod" and not unchanged:
                raise
            # A running release is scaled, and its pods move to other nodes: that goes on when an acceptance has ended.
            warnings.append(f"Seatrial: an accepted difference was valid until {statement.valid_until}.")
        if statement.lockfile_sha256 not in ("", built.lockfile_sha256):
            raise NotAdmittedError("The image was built from another lockfile than the one that was tested and signed.")
        for name, container in _containers(pod["spec"]):
            self._require_image(name, container, built.digest)
        return warnings

    def _require_image(self, name: str, container: Mapping[str, Any], digest: str) -> None:
        image = str(container.get("image"))
        if image in self.other_images and DIGEST.search(image):
            return
        found = DIGEST.search(image)
        if found is None:
            raise NotAdmittedError(
                f"The container {name} names its image by a tag ({image}), which may be another image tomorrow.",
                hint="Deploy with build = true, or set `digest`.",
            )
        if found[1] != digest:
            raise NotAdmittedError(f"The container {name} runs {image}, and the signed statement is about {digest}.")
        if changed := _changes(container):
            raise NotAdmittedError(f"The container {name} changes what its image runs: {changed}.")


def _refusal(uid: str, message: str) -> dict[str, Any]:
    return {"uid": uid, "allowed": False, "status": {"code": 403, "message": f"Seatrial: {message}".strip()}}


def _pod_of(described: Any) -> Any:
    """The pod, or the template of the pods, that an object describes."""
    kind = str(described["kind"])
    if kind not in TEMPLATES:
        raise NotAdmittedError(f"A {kind} cannot be verified.", hint=f"Known: {', '.join(TEMPLATES)}.")
    for key in TEMPLATES[kind]:
        described = described[key]
    return described


def _annotation(annotations: Mapping[str, Any], name: str) -> bytes:
    text = annotations.get(name)
    if not isinstance(text, str) or not text.strip():
        what = "about its trial" if name == TRIAL else "about its image"
        raise NotAdmittedError(
            f"The pod has no signed statement {what} (annotation {name}).",
            hint="Sign the trial and deploy with build = true, where SEATRIAL_SIGNING_KEY is set.",
        )
    return text.encode()


def _containers(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = [(str(each.get("name")), each) for key in CONTAINERS for each in spec.get(key) or []]
    if not found:
        raise NotAdmittedError("The pod has no container.")
    yield from found


def _changes(container: Mapping[str, Any]) -> str:
    """What a container brings along that could change what its image runs; "" where nothing does."""
    for key in REPLACING:
        if container.get(key):
            return f"it sets `{key}`"
    for variable in container.get("env") or []:
        if VARIABLES.fullmatch(str(variable["name"])):
            return f"it sets the variable {variable['name']}"
    for mount in container.get("volumeMounts") or []:
        path = posixpath.normpath(str(mount["mountPath"]))
        if not any(path == each or path.startswith(f"{each}/") for each in MOUNTS):
            return f"it mounts a volume at {path}"
    return _other_command(container)


def _other_command(container: Mapping[str, Any]) -> str:
    """A command that probes or the lifecycle run in the container, other than to sleep."""
    handlers = {**(container.get("lifecycle") or {}), **{probe: container.get(probe) for probe in PROBES}}
    for name, handler in handlers.items():
        command = ((handler or {}).get("exec") or {}).get("command")
        if command and not (len(command) == 2 and command[0] == "sleep" and str(command[1]).isdecimal()):
            return f"its {name} runs a command"
    return ""
