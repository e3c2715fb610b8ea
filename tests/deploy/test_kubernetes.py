"""The target `kubernetes`: manifests held to Kubernetes' own schemas, and a stand-in for kubectl."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.pinning import made_up_pin
from tests.deploy.standins import StandIn, stand_in
from tests.projects.tiny import make_project

from seatrial.core.errors import SeatrialError
from seatrial.core.project import ProjectSettings, find_project
from seatrial.deploy import kubernetes
from seatrial.deploy.kubernetes import Kubernetes
from seatrial.deploy.target import Pinned

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
def pinned(tiny: ProjectSettings, tmp_path: Path) -> Pinned:
    return made_up_pin(tmp_path / "pin", tiny)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    found = stand_in(tmp_path / "cli", "kubectl")
    monkeypatch.setenv("PATH", f"{found.folder / 'bin'}:/usr/bin:/bin")
    return found


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
    tiny: ProjectSettings, pinned: Pinned, tmp_path: Path, settings: dict[str, object]
) -> None:
    text = Kubernetes(tiny, settings).render(pinned)
    assert list(documents(text)) == ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]
    done = validate(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert validate(text.replace("livenessProbe", "livelinessProbe"), tmp_path).returncode != 0


def test_the_pods_have_no_rights_that_they_do_not_need(tiny: ProjectSettings, pinned: Pinned) -> None:
    pod = documents(Kubernetes(tiny, {}).render(pinned))["Deployment"]["spec"]["template"]["spec"]
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


def test_a_rolling_update_takes_no_pod_away_before_a_new_one_is_ready(tiny: ProjectSettings, pinned: Pinned) -> None:
    spec = documents(Kubernetes(tiny, {}).render(pinned))["Deployment"]["spec"]
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in spec
    (container,) = spec["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]


def test_all_parts_mean_the_same_pods(tiny: ProjectSettings, pinned: Pinned) -> None:
    found = documents(Kubernetes(tiny, {}).render(pinned))
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
        assert "app.kubernetes.io/version" not in selector  # it may never change
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == found["Deployment"]["metadata"]["name"]


def test_settings_and_odd_versions_get_to_their_places(tiny: ProjectSettings, pinned: Pinned) -> None:
    found = documents(Kubernetes(tiny, EVERYTHING).render(replace(pinned, version="0.2.0+team.1")))
    spec = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert container["image"] == f"registry.example.com/team/titanic-model:0.2.0-team.1@sha256:{'d' * 64}"
    assert container["env"] == [{"name": "PORT", "value": "9000"}]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert {document["metadata"]["namespace"] for document in found.values()} == {"models"}


def test_render_takes_the_projects_settings(tiny: ProjectSettings, pinned: Pinned) -> None:
    project = replace(tiny, deploy={"kubernetes": {"namespace": "models"}})
    assert documents(kubernetes.render(project, pinned))["Service"]["metadata"]["namespace"] == "models"


def test_switching_applies_waits_and_commits(tiny: ProjectSettings, pinned: Pinned, kubectl: StandIn) -> None:
    done: list[str] = []
    target = Kubernetes(tiny, {"namespace": "models", "context": "live"})
    target.check()
    assert target.switch(pinned, lambda: done.append("commit"), done.append) == "service/tiny-model in models"
    assert done == ["applying tiny-model 0.1.0", "waiting for the roll-out", "commit"]
    where = ["--context=live", "--namespace=models"]
    calls = [call["argv"] for call in kubectl.calls]
    assert calls[0] == [*where, "auth", "can-i", "create", "deployments.apps"]
    assert calls[-2:] == [
        [*where, "apply", "--filename", "-"],
        [*where, "rollout", "status", "deployment/tiny-model", "--timeout=300s"],
    ]
    assert kubectl.calls[-2]["given"] == target.render(pinned)


def test_with_build_the_image_is_built_from_the_pin_and_pushed(
    tiny: ProjectSettings, pinned: Pinned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = stand_in(tmp_path / "engine", "docker")
    monkeypatch.setenv("PATH", str(docker.folder / "bin"))
    docker.behave("inspect", 1, err="Error: No such image\n")
    target = Kubernetes(tiny, {"image": "registry.example.com/team/tiny", "build": True})
    target.prepare(pinned, lambda _: None)
    called = [call["argv"] for call in docker.calls if call["argv"][0] in ("build", "push")]
    assert called[0][:3] == ["build", "--tag", "registry.example.com/team/tiny:0.1.0"]
    assert called[1] == ["push", "registry.example.com/team/tiny:0.1.0"]
    (container,) = documents(target.render(pinned))["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example.com/team/tiny:0.1.0"
    before = len(docker.calls)
    Kubernetes(tiny, {}).prepare(pinned, lambda _: None)
    assert len(docker.calls) == before


def test_a_roll_out_that_fails_is_taken_back(tiny: ProjectSettings, pinned: Pinned, kubectl: StandIn) -> None:
    kubectl.behave("get", 0, out="b" * 64)
    kubectl.behave("status", 1, err="error: deployment exceeded its progress deadline\n")
    commits: list[None] = []
    with pytest.raises(SeatrialError, match=r"kubectl cannot roll out 0\.1\.0; it says:") as refused:
        Kubernetes(tiny, {}).switch(pinned, lambda: commits.append(None), lambda _: None)
    assert "exceeded its progress deadline\nThe old release serves on." in refused.value.message
    assert "kubectl describe pods" in refused.value.hint
    assert kubectl.calls[-1]["argv"] == ["rollout", "undo", "deployment/tiny-model"]
    assert commits == []


def test_a_first_roll_out_that_fails_has_nothing_to_go_back_to(
    tiny: ProjectSettings, pinned: Pinned, kubectl: StandIn
) -> None:
    kubectl.behave("get", 1, err='Error from server (NotFound): deployments.apps "tiny-model" not found\n')
    kubectl.behave("status", 1, err="error: timed out\n")
    with pytest.raises(SeatrialError) as refused:
        Kubernetes(tiny, {}).switch(pinned, lambda: None, lambda _: None)
    assert "serves on" not in refused.value.message
    assert "undo" not in kubectl.calls[-1]["argv"]


def test_settling_rolls_out_only_what_differs(tiny: ProjectSettings, pinned: Pinned, kubectl: StandIn) -> None:
    target = Kubernetes(tiny, {})
    target.settle(None, lambda _: None)
    kubectl.behave("get", 0, out=pinned.sha256)
    target.settle(pinned, lambda _: None)
    assert not [call for call in kubectl.calls if "apply" in call["argv"]]
    kubectl.behave("get", 0, out="b" * 64)
    target.settle(pinned, lambda _: None)
    assert [call for call in kubectl.calls if "apply" in call["argv"]]


def test_without_kubectl_the_manifests_can_still_be_rendered(
    tiny: ProjectSettings, pinned: Pinned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    target = Kubernetes(tiny, {})
    assert target.render(pinned)
    assert target.serving() is None
    with pytest.raises(SeatrialError, match=r"kubectl is not installed\.") as refused:
        target.check()
    assert "seatrial deploy kubernetes --render" in refused.value.hint


def test_a_cluster_that_lets_nobody_in_is_told(tiny: ProjectSettings, kubectl: StandIn) -> None:
    kubectl.behave("can-i", 1, out="no\n")
    with pytest.raises(SeatrialError, match="kubectl cannot deploy in the cluster; it says:\n  no"):
        Kubernetes(tiny, {}).check()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"replicas": 2}, "unknown key `replicas`"),
        ({"min_replicas": 4, "max_replicas": 2}, "max_replicas is less than min_replicas, 4"),
        ({"digest": "latest"}, "digest = 'latest': String should match pattern"),
        ({"build": True}, "build needs `image`, and no `digest`"),
        ({"port": 80}, "port = 80: Input should be greater than or equal to 1024"),
    ],
)
def test_a_wrong_setting_is_named(tiny: ProjectSettings, settings: dict[str, object], told: str) -> None:
    with pytest.raises(SeatrialError) as refused:
        Kubernetes(tiny, settings)
    assert told in refused.value.message
