"""The admission webhook: which pods it admits, and what it says to those that it refuses."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.deploy.admissions import (
    DIGEST,
    IMAGES,
    KEY,
    PUBLIC,
    SHA,
    THEIRS,
    TRIALS,
    deployment,
    pod,
    request,
)

from seatrial.deploy.admission import IMAGE, TRIAL, WHEEL, Gatekeeper
from seatrial.deploy.image_statement import sign_image, verify_image
from seatrial.wheels.attestation import AttestationError, sign

GATE = Gatekeeper([PUBLIC])
OTHER_SHA, OTHER_DIGEST = "e" * 64, f"sha256:{'e' * 64}"


def answer(described: Any, gate: Gatekeeper = GATE, **more: Any) -> dict[str, Any]:
    return dict(gate.review(request(described, **more))["response"])


def refusal(described: Any, **more: Any) -> str:
    given = answer(described, **more)
    assert given["allowed"] is False
    assert given["status"]["code"] == 403
    return str(given["status"]["message"])


@pytest.mark.parametrize("described", [pod(), deployment(pod())], ids=["pod", "deployment"])
def test_a_signed_release_is_admitted(described: dict[str, Any]) -> None:
    for operation in ("CREATE", "UPDATE"):
        assert answer(described, operation=operation, old=pod() if described["kind"] == "Pod" else described) == {
            "uid": "705ab4f5",
            "allowed": True,
            "warnings": [],
        }


def edited(envelope: str, old: str, new: str) -> str:
    document = json.loads(envelope)
    payload = base64.b64decode(document["payload"]).replace(old.encode(), new.encode())
    return json.dumps({**document, "payload": base64.b64encode(payload).decode()})


STATEMENTS = {
    "no statement about the trial": ({TRIAL: ""}, "no signed statement about its trial"),
    "no statement about the image": ({IMAGE: " "}, "no signed statement about its image"),
    "a trial that another key signed": ({TRIAL: sign(TRIALS, THEIRS)}, "No trusted key has signed"),
    "an image that another key signed": ({IMAGE: sign_image(IMAGES, THEIRS)}, "No trusted key has signed"),
    "an edited trial": ({TRIAL: edited(sign(TRIALS, KEY), "PASSED", "passed")}, "No trusted key has signed"),
    "an edited image": (
        {IMAGE: edited(sign_image(IMAGES, KEY), DIGEST[7:], OTHER_DIGEST[7:])},
        "No trusted key has signed",
    ),
    "not an envelope": ({TRIAL: "{}"}, "not a DSSE envelope"),
    "the trial of another wheel": (
        {TRIAL: sign(replace(TRIALS, wheel_sha256=OTHER_SHA), KEY)},
        "about another wheel",
    ),
    "an image with another wheel": (
        {IMAGE: sign_image(replace(IMAGES, wheel_sha256=OTHER_SHA), KEY)},
        "names another wheel",
    ),
    "an image with another lockfile": (
        {IMAGE: sign_image(replace(IMAGES, lockfile_sha256=OTHER_SHA), KEY)},
        "built from another lockfile",
    ),
    "a label for another wheel": ({WHEEL: OTHER_SHA}, "names another wheel"),
    "the statements exchanged": (
        {TRIAL: sign_image(IMAGES, KEY), IMAGE: sign(TRIALS, KEY)},
        "is not about an image",
    ),
    "a statement about an image as the one about a trial": ({TRIAL: sign_image(IMAGES, KEY)}, "is not about a trial"),
    "a failed trial": (
        {TRIAL: edited(sign(TRIALS, KEY), '"failedTests": []', '"failedTests": ["x"]')},
        "No trusted key has signed",
    ),
}


@pytest.mark.parametrize("case", STATEMENTS)
def test_without_statements_that_hold_nothing_is_admitted(case: str) -> None:
    annotations, message = STATEMENTS[case]
    for described in (pod(**annotations), deployment(pod(**annotations))):
        assert message in refusal(described)


def change(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda described: described["spec"]["containers"][0].update({key: value})


def add(key: str, container: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    return lambda described: described["spec"].setdefault(key, []).append(container)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another image": (change("image", f"registry.example.com/team/m:1@{OTHER_DIGEST}"), "is about sha256:ddd"),
    "a tag": (change("image", "registry.example.com/team/m:1"), "by a tag"),
    "the digest as a tag": (change("image", f"m:{DIGEST[7:]}"), "by a tag"),
    "a digest in the middle": (change("image", f"m@{DIGEST}@{OTHER_DIGEST}"), "is about"),
    "no image": (change("image", None), "by a tag"),
    "a second container": (add("containers", {"name": "x", "image": "busybox"}), "The container x names"),
    "an init container": (add("initContainers", {"name": "x", "image": "busybox"}), "The container x names"),
    "an ephemeral container": (add("ephemeralContainers", {"name": "x", "image": "busybox"}), "The container x"),
    "a command": (change("command", ["sh"]), "it sets `command`"),
    "arguments": (change("args", ["x"]), "it sets `args`"),
    "a working directory": (change("workingDir", "/tmp/x"), "it sets `workingDir`"),
    "variables from elsewhere": (change("envFrom", [{"secretRef": {"name": "x"}}]), "it sets `envFrom`"),
    "PYTHONPATH": (change("env", [{"name": "PYTHONPATH", "value": "/x"}]), "the variable PYTHONPATH"),
    "LD_PRELOAD": (change("env", [{"name": "LD_PRELOAD", "value": "/x"}]), "the variable LD_PRELOAD"),
    "a folder over the code": (change("volumeMounts", [{"mountPath": "/opt/venv/lib"}]), "a volume at /opt/venv/lib"),
    "a folder beside it": (change("volumeMounts", [{"mountPath": "/tmp/../opt"}]), "a volume at /opt"),
    "a probe that runs something": (change("livenessProbe", {"exec": {"command": ["sh"]}}), "its livenessProbe"),
    "a hook that runs something": (change("lifecycle", {"postStart": {"exec": {"command": ["sh"]}}}), "its postStart"),
    "no container": (lambda described: described["spec"].update(containers=[]), "has no container"),
    "no annotations": (lambda described: described["metadata"].pop("annotations"), "no signed statement"),
    "what is no pod": (lambda described: described.update(spec=[]), "cannot be read"),
    "an unknown kind": (lambda described: described.update(kind="Thing"), "A Thing cannot be verified"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_pod_that_runs_something_else_is_refused(case: str) -> None:
    described = pod()
    alter, message = CHANGES[case]
    alter(described)
    assert message in refusal(described)
    if described["kind"] == "Pod":
        assert message in refusal(described, operation="UPDATE", old=pod())


def test_another_image_is_admitted_by_its_digest_where_it_is_named() -> None:
    sidecar, described = f"proxy@{OTHER_DIGEST}", pod()
    described["spec"]["containers"].append({"name": "proxy", "image": sidecar, "command": ["proxy"]})
    assert "The container proxy" in refusal(described)
    assert answer(described, gate=Gatekeeper([PUBLIC], frozenset({sidecar})))["allowed"] is True
    described["spec"]["containers"][1]["image"] = "proxy:1"
    assert answer(described, gate=Gatekeeper([PUBLIC], frozenset({"proxy:1"})))["allowed"] is False


def test_an_expired_acceptance_stops_new_releases_and_no_running_one() -> None:
    old = pod(**{TRIAL: sign(replace(TRIALS, accepted=("metrics.trivial",), valid_until="2026-11-28"), KEY)})
    late = date(2026, 11, 29)
    described = deployment(old)
    refused = GATE.review(request(described), today=late)["response"]
    assert "was valid until 2026-11-28" in refused["status"]["message"]
    assert GATE.review(request(described), today=date(2026, 11, 28))["response"]["allowed"] is True
    for again in (request(old), request(described, "UPDATE", described)):
        given = GATE.review(again, today=late)["response"]
        assert given["allowed"] is True
        assert given["warnings"] == ["Seatrial: an accepted difference was valid until 2026-11-28."]


def test_a_pod_that_was_here_before_can_be_deleted() -> None:
    unsigned = pod(**{TRIAL: ""})
    assert answer(None, operation="DELETE", old=unsigned)["allowed"] is True
    unsigned["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"
    assert answer(unsigned, operation="UPDATE", old=unsigned)["allowed"] is True
    changed = pod(**{TRIAL: ""})
    changed["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"
    changed["spec"]["containers"][0]["image"] = "busybox"
    assert answer(changed, operation="UPDATE", old=unsigned)["allowed"] is False


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"kind": "AdmissionReview"}, {**request(pod()), "apiVersion": "admission.k8s.io/v1beta1"}],
)
def test_what_is_no_review_gets_no_answer(document: Any) -> None:
    with pytest.raises(ValueError, match="not an AdmissionReview"):
        GATE.review(document)
    with pytest.raises(ValueError, match="without a uid"):
        GATE.review({**request(pod()), "request": {}})


def test_a_statement_about_an_image_is_read_again() -> None:
    assert verify_image(sign_image(IMAGES, KEY).encode(), [PUBLIC]) == IMAGES
    with pytest.raises(AttestationError, match="not about an image"):
        verify_image(sign(TRIALS, KEY).encode(), [PUBLIC])
    assert (
        SHA
        in json.loads(base64.b64decode(json.loads(sign_image(IMAGES, KEY))["payload"]))["predicate"]["buildDefinition"][
            "resolvedDependencies"
        ][0]["digest"].values()
    )
