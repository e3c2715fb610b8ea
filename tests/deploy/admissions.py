"""Requests as a cluster's API server sends them, and pods with signed statements."""

import copy
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from tests.wheels.signing_keys import pem, public_key_of

from seatrial.deploy.admission import API_VERSION, IMAGE, KIND, TRIAL, WHEEL
from seatrial.deploy.image_statement import ImageStatement, sign_image
from seatrial.wheels.attestation import TrialStatement, sign

KEY, THEIRS = (pem(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
PUBLIC = public_key_of(KEY)
SHA, LOCK, DIGEST = "a" * 64, "b" * 64, f"sha256:{'d' * 64}"
TRIALS = TrialStatement("m-1-py3-none-any.whl", SHA, "c" * 64, passed=("golden.scores",), lockfile_sha256=LOCK)
IMAGES = ImageStatement("registry.example.com/team/m:1", DIGEST, SHA, LOCK)


def pod(**annotations: str) -> dict[str, Any]:
    """A pod with one container, as the target kubernetes renders it."""
    signed = {WHEEL: SHA, TRIAL: sign(TRIALS, KEY), IMAGE: sign_image(IMAGES, KEY)}
    container = {
        "name": "model",
        "image": f"registry.example.com/team/m:1@{DIGEST}",
        "env": [{"name": "PORT", "value": "8001"}],
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "m", "annotations": {**signed, **annotations}},
        "spec": {"containers": [container]},
    }


def deployment(of: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": of["metadata"], "spec": of["spec"]}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {}, "spec": {"template": template}}


def request(described: Any, operation: str = "CREATE", old: Any = None) -> dict[str, Any]:
    asked = {"uid": "705ab4f5", "operation": operation, "object": copy.deepcopy(described), "oldObject": old}
    return {"apiVersion": API_VERSION, "kind": KIND, "request": asked}
