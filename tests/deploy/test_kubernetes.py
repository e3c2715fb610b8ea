"""The target `kubernetes`: manifests checked against Kubernetes' own schemas, and a fake kubectl."""

import base64
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.admissions import KEY, PUBLIC, TRIALS, request
from tests.deploy.fake_commands import FakeCommand, fake_command
from tests.deploy.pinned_releases import fake_pinned_release
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.files import sha256
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy.admission import TRIAL, Gatekeeper
from seatrial.deploy.image_statement import IMAGE_STATEMENT
from seatrial.deploy.kubernetes import Kubernetes
from seatrial.deploy.target import PinnedRelease
from seatrial.wheels.attestation import STATEMENT, sign

EVERYTHING = {
    "image": "registry.example.com/team/titanic-model",
    "digest": f"sha256:{'d' * 64}",
    "namespace": "models",
    "port": 9000,
    "min_replicas": 3,
    "max_replicas": 9,
    "cpu": "1",
    "memory": "1Gi",
    "cpu_target": 50,
    "pull_secret": "registry",
}


@pytest.fixture
def tiny(tmp_path: Path) -> ProjectSettings:
    return find_project(make_project(tmp_path / "tiny"))


@pytest.fixture
def pinned(tiny: ProjectSettings, tmp_path: Path) -> PinnedRelease:
    return fake_pinned_release(tmp_path / "pin", tiny)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCommand:
    kubectl = fake_command(tmp_path / "cli", "kubectl")
    monkeypatch.setenv("PATH", f"{kubectl.folder / 'bin'}:/usr/bin:/bin")
    return kubectl


def documents(text: str) -> dict[str, Any]:
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def validate(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = folder / "manifests.yaml"
    path.write_text(text)
    tool = shutil.which("kubernetes-validate", path=str(Path(sys.executable).parent))
    assert tool
    return subprocess.run([tool, "--strict", str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["defaults", "everything set"])
def test_the_manifests_are_strictly_valid(
    tiny: ProjectSettings, pinned: PinnedRelease, tmp_path: Path, settings: dict[str, object]
) -> None:
    text = Kubernetes(tiny, settings).render(pinned.version, pinned.sha256)
    assert list(documents(text)) == ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]
    done = validate(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert validate(text.replace("livenessProbe", "livelinessProbe"), tmp_path).returncode != 0


def test_the_pods_have_minimal_privileges(tiny: ProjectSettings, pinned: PinnedRelease) -> None:
    pod = documents(Kubernetes(tiny, {}).render(pinned.version, pinned.sha256))["Deployment"]["spec"]["template"][
        "spec"
    ]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]


def test_a_rolling_update_removes_no_pod_before_a_new_one_is_ready(
    tiny: ProjectSettings, pinned: PinnedRelease
) -> None:
    spec = documents(Kubernetes(tiny, {}).render(pinned.version, pinned.sha256))["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in spec
    (container,) = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


@pytest.mark.parametrize("drain", [25, 0, 90])
def test_a_pod_has_the_time_to_answer_on_its_open_connections(
    tiny: ProjectSettings, pinned: PinnedRelease, drain: int
) -> None:
    spec = documents(Kubernetes(tiny, {"drain": drain}).render(pinned.version, pinned.sha256))["Deployment"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert {"name": "SEATRIAL_DRAIN", "value": str(drain)} in container["env"]
    asleep = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] == asleep + drain + 10


def test_all_manifests_select_the_same_pods(tiny: ProjectSettings, pinned: PinnedRelease) -> None:
    manifests = documents(Kubernetes(tiny, {}).render(pinned.version, pinned.sha256))
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        manifests["Service"]["spec"]["selector"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
        assert "app.kubernetes.io/version" not in selector  # selectors are immutable
    target = manifests["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == manifests["Deployment"]["metadata"]["name"]


def test_settings_and_local_versions_are_rendered(tiny: ProjectSettings, pinned: PinnedRelease) -> None:
    manifests = documents(Kubernetes(tiny, EVERYTHING).render("0.2.0+team.1", pinned.sha256))
    spec = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == f"registry.example.com/team/titanic-model:0.2.0-team.1@sha256:{'d' * 64}"
    assert container["env"][0] == {"name": "PORT", "value": "9000"}
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert {document["metadata"]["namespace"] for document in manifests.values()} == {"models"}


def test_render_uses_the_projects_settings(tiny: ProjectSettings, pinned: PinnedRelease) -> None:
    project = replace(tiny, deploy={"kubernetes": {"namespace": "models"}})
    assert (
        documents(Kubernetes(project, project.deploy["kubernetes"]).render(pinned.version, pinned.sha256))["Service"][
            "metadata"
        ]["namespace"]
        == "models"
    )


def test_switch_applies_waits_and_commits(tiny: ProjectSettings, pinned: PinnedRelease, kubectl: FakeCommand) -> None:
    steps: list[str] = []
    target = Kubernetes(tiny, {"namespace": "models", "context": "live"})
    target.check()
    assert target.switch(pinned, lambda: steps.append("commit"), steps.append) == "service/tiny-model in models"
    assert steps == ["applying tiny-model 0.1.0", "waiting for the rollout", "commit"]
    where = ["--context=live", "--namespace=models"]
    calls = [call["argv"] for call in kubectl.calls]
    assert calls[0] == [*where, "auth", "can-i", "create", "deployments.apps"]
    assert calls[-2:] == [
        [*where, "apply", "--filename", "-"],
        [*where, "rollout", "status", "deployment/tiny-model", "--timeout=300s"],
    ]
    assert kubectl.calls[-2]["stdin"] == target.render(pinned.version, pinned.sha256)


def test_with_build_the_image_is_built_from_the_lockfile_and_pushed(
    tiny: ProjectSettings, pinned: PinnedRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = fake_command(tmp_path / "engine", "docker")
    monkeypatch.setenv("PATH", str(docker.folder / "bin"))
    docker.behave("inspect", 1, err="Error: No such image\n")
    target = Kubernetes(tiny, {"image": "registry.example.com/team/tiny", "build": True})
    target.prepare(pinned, lambda _: None)
    commands = [call["argv"] for call in docker.calls if call["argv"][0] in ("build", "push")]
    assert commands[0][:3] == ["build", "--tag", "registry.example.com/team/tiny:0.1.0"]
    assert commands[1] == ["push", "registry.example.com/team/tiny:0.1.0"]
    (container,) = documents(target.render(pinned.version, pinned.sha256))["Deployment"]["spec"]["template"]["spec"][
        "containers"
    ]
    assert container["image"] == "registry.example.com/team/tiny:0.1.0"
    before = len(docker.calls)
    Kubernetes(tiny, {}).prepare(pinned, lambda _: None)
    assert len(docker.calls) == before


def test_a_failed_rollout_is_undone(tiny: ProjectSettings, pinned: PinnedRelease, kubectl: FakeCommand) -> None:
    kubectl.behave("get", 0, out="b" * 64)
    kubectl.behave("status", 1, err="error: deployment exceeded its progress deadline\n")
    commits: list[None] = []
    with pytest.raises(SeatrialError, match=r"kubectl cannot roll out 0\.1\.0\. Its output:") as refused:
        Kubernetes(tiny, {}).switch(pinned, lambda: commits.append(None), lambda _: None)
    assert "exceeded its progress deadline\nThe old release is still running." in refused.value.message
    assert "kubectl describe pods" in refused.value.hint
    assert kubectl.calls[-1]["argv"] == ["rollout", "undo", "deployment/tiny-model"]
    assert commits == []


def test_a_failed_first_rollout_is_not_undone(
    tiny: ProjectSettings, pinned: PinnedRelease, kubectl: FakeCommand
) -> None:
    kubectl.behave("get", 1, err='Error from server (NotFound): deployments.apps "tiny-model" not found\n')
    kubectl.behave("status", 1, err="error: timed out\n")
    with pytest.raises(SeatrialError) as refused:
        Kubernetes(tiny, {}).switch(pinned, lambda: None, lambda _: None)
    assert "still running" not in refused.value.message
    assert "undo" not in kubectl.calls[-1]["argv"]


def test_settle_rolls_out_only_a_different_release(
    tiny: ProjectSettings, pinned: PinnedRelease, kubectl: FakeCommand
) -> None:
    target = Kubernetes(tiny, {})
    target.settle(None, lambda _: None)
    kubectl.behave("get", 0, out=pinned.sha256)
    target.settle(pinned, lambda _: None)
    assert not [call for call in kubectl.calls if "apply" in call["argv"]]
    kubectl.behave("get", 0, out="b" * 64)
    target.settle(pinned, lambda _: None)
    assert [call for call in kubectl.calls if "apply" in call["argv"]]


def test_without_kubectl_the_manifests_can_still_be_rendered(
    tiny: ProjectSettings, pinned: PinnedRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    target = Kubernetes(tiny, {})
    assert target.render(pinned.version, pinned.sha256)
    assert target.serving() is None
    with pytest.raises(SeatrialError, match=r"kubectl is not installed\.") as refused:
        target.check()
    assert "seatrial deploy kubernetes --render" in refused.value.hint


def test_a_cluster_without_access_is_reported(tiny: ProjectSettings, kubectl: FakeCommand) -> None:
    kubectl.behave("can-i", 1, out="no\n")
    with pytest.raises(SeatrialError, match=r"kubectl cannot deploy to the cluster\. Its output:\n  no"):
        Kubernetes(tiny, {}).check()


def test_a_cluster_without_keys_is_reported_before_anything_is_applied(
    tiny: ProjectSettings, kubectl: FakeCommand
) -> None:
    kubectl.behave("secret", 1, err='Error from server (NotFound): secrets "tiny-model-keys" not found\n')
    with pytest.raises(SeatrialError, match="has no secret tiny-model-keys with access keys") as refused:
        Kubernetes(tiny, {}).check()
    assert "--from-file .seatrial/keys.json" in refused.value.hint
    Kubernetes(tiny, {"open": True}).check()
    kubectl.behave("secret", 1, err="Error from server (Forbidden): secrets is forbidden\n")
    Kubernetes(tiny, {}).check()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"replicas": 2}, "unknown key `replicas`"),
        ({"min_replicas": 4, "max_replicas": 2}, "max_replicas is less than min_replicas, 4"),
        ({"digest": "latest"}, "digest = 'latest': String should match pattern"),
        ({"build": True}, "build needs `image`, and no `digest`"),
        ({"port": 80}, "port = 80: Input should be greater than or equal to 1024"),
    ],
)
def test_an_invalid_setting_is_named(tiny: ProjectSettings, settings: dict[str, object], message: str) -> None:
    with pytest.raises(SeatrialError) as refused:
        Kubernetes(tiny, settings)
    assert message in refused.value.message


ADMISSION = {"image": "registry.example.com/m", "build": True, "admission_image": f"team/webhook@sha256:{'f' * 64}"}


def test_the_admission_webhook_is_strictly_valid_and_has_the_keys(tiny: ProjectSettings, tmp_path: Path) -> None:
    authority = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    text = Kubernetes(tiny, ADMISSION).render_admission([PUBLIC, PUBLIC], authority)
    found = documents(text)
    done = validate(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert validate(text.replace("failurePolicy: Fail", "failurePolicy: 5"), tmp_path).returncode != 0
    assert found["ConfigMap"]["data"] == {"key-1.pem": PUBLIC.decode(), "key-2.pem": PUBLIC.decode()}
    (webhook,) = found["ValidatingWebhookConfiguration"]["webhooks"]
    assert base64.b64decode(webhook["clientConfig"]["caBundle"]) == authority
    assert (webhook["failurePolicy"], webhook["sideEffects"]) == ("Fail", "None")
    service, selector = found["Service"], found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert webhook["clientConfig"]["service"]["name"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == selector
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == ADMISSION["admission_image"]


def test_the_admission_webhook_needs_its_image_and_a_certificate(tiny: ProjectSettings) -> None:
    with pytest.raises(SeatrialError, match="admission_image is not set"):
        Kubernetes(tiny, {}).render_admission([PUBLIC], b"")
    with pytest.raises(SeatrialError, match="not in PEM form"):
        Kubernetes(tiny, ADMISSION).render_admission([PUBLIC], b"x")


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_a_built_image_is_signed_and_admitted(
    tiny: ProjectSettings,
    pinned: PinnedRelease,
    kubectl: FakeCommand,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: str,
) -> None:
    digest = f"sha256:{'5' * 64}"
    fake = fake_command(tmp_path / "engine", engine)
    monkeypatch.setenv("PATH", f"{fake.folder / 'bin'}:{kubectl.folder / 'bin'}:/nowhere")
    details = [
        {"Config": {"Labels": {}}, "RepoDigests": [f"other@sha256:{'6' * 64}", f"registry.example.com/m@{digest}"]}
    ]
    fake.behave("inspect", 0, json.dumps(details))
    if engine == "podman":
        writes = 'pathlib.Path(sys.argv[sys.argv.index("--digestfile") + 1]).write_text'
        script = fake.folder / "bin" / engine
        script.write_text(script.read_text() + f'\nif "--digestfile" in sys.argv: {writes}("{digest}")\n')
    monkeypatch.setenv("SEATRIAL_SIGNING_KEY", KEY.decode())
    pinned.requirements.with_name(STATEMENT).write_text(
        sign(replace(TRIALS, wheel_sha256=pinned.sha256, lockfile_sha256=sha256(pinned.requirements)), KEY)
    )
    target = Kubernetes(tiny, ADMISSION)
    target.prepare(pinned, lambda _: None)
    target.switch(pinned, lambda: None, lambda _: None)
    (applied,) = [call["stdin"] for call in kubectl.calls if "apply" in call["argv"]]
    described = documents(applied)["Deployment"]
    assert validate(applied, tmp_path).returncode == 0
    (container,) = described["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.com/m:0.1.0@{digest}"
    review = Gatekeeper([PUBLIC]).review(request(described))["response"]
    assert review["allowed"] is True, review
    container["image"] = f"registry.example.com/m:0.1.0@sha256:{'6' * 64}"
    assert Gatekeeper([PUBLIC]).review(request(described))["response"]["allowed"] is False


def test_without_a_key_an_earlier_statement_about_an_image_is_not_kept(
    tiny: ProjectSettings, pinned: PinnedRelease, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEATRIAL_SIGNING_KEY", raising=False)
    fake = fake_command(tmp_path / "engine", "docker")
    monkeypatch.setenv("PATH", f"{fake.folder / 'bin'}:/nowhere")
    fake.behave("inspect", 0, json.dumps([{"Config": {"Labels": {}}}]))
    pinned.requirements.with_name(IMAGE_STATEMENT).write_text("of another image")
    target = Kubernetes(tiny, ADMISSION)
    target.prepare(pinned, lambda _: None)
    assert target.beside(pinned) == ({}, "")


def test_statements_that_kubernetes_would_not_store_are_refused(tiny: ProjectSettings, pinned: PinnedRelease) -> None:
    with pytest.raises(SeatrialError, match="have 97 KiB, and as annotations of a pod they may have 96 KiB"):
        Kubernetes(tiny, {}).render(pinned.version, pinned.sha256, {TRIAL: "x" * (97 << 10)})
