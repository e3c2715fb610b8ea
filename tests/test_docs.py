"""The documentation names what there is: every command, setting and key of the policy."""

import re
from pathlib import Path

import pytest
import typer

from seatrial.cli.app import app
from seatrial.core.places import KEYS as PLACE_KEYS
from seatrial.core.project import KEYS
from seatrial.deploy.docker import DockerSettings
from seatrial.deploy.kubernetes import KubernetesSettings
from seatrial.deploy.local import LocalSettings
from seatrial.deploy.railway import RailwaySettings
from seatrial.trial.policy import Policy

ROOT = Path(__file__).parent.parent
SETTINGS = {
    "local": LocalSettings, "docker": DockerSettings, "railway": RailwaySettings, "kubernetes": KubernetesSettings,
}  # fmt: skip
GUIDE = (ROOT / "docs" / "deploying.md").read_text()
README = (ROOT / "README.md").read_text()


def test_the_readme_names_every_command():
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert len(commands) >= 8
    assert {name for name in commands if f"seatrial {name}" not in README} == set()


def test_the_readme_names_every_setting_of_a_project():
    assert {key for key in KEYS if f"`{key}`" not in README and key != "trial"} == set()
    assert "[tool.seatrial.trial]" in README


def test_the_guide_of_the_trial_names_every_key_of_the_policy_with_its_default():
    text = (ROOT / "docs" / "trial.md").read_text()
    for key, field in Policy.model_fields.items():
        row = re.search(rf"^\| `{key}` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)
        assert row, f"docs/trial.md has no row for `{key}`"
        default = field.get_default(call_default_factory=True)
        assert row[2].strip("`") == (
            "none" if default == [] else f"{default:g}" if isinstance(default, float) else str(default)
        )


def index_table() -> str:
    lines = [f"| `{key}` | {meaning} |" for key, meaning in PLACE_KEYS.items()]
    return "\n".join(["| key of one index | means |", "| --- | --- |", *lines]) + "\n"


def settings_table(target: str) -> str:
    """The rows that the guide has to have for the settings of a target."""
    lines = [f"| key of `[tool.seatrial.deploy.{target}]` | means | default |", "| --- | --- | --- |"]
    for key, field in SETTINGS[target].model_fields.items():
        default = field.get_default(call_default_factory=True)
        told = {None: "", False: "false", True: "true"}.get(default, default) if not isinstance(default, list) else ""
        told = f"{told:g}" if isinstance(told, float) else str(told)
        lines.append(f"| `{key}` | {field.description.partition('; default: ')[0]} | {told or told_default(field)} |")
    return "\n".join(lines) + "\n"


def told_default(field) -> str:
    return field.description.partition("; default: ")[2] or "none"


@pytest.mark.parametrize("target", SETTINGS)
def test_the_guide_to_deployments_names_every_setting_of_a_target(target: str):
    assert settings_table(target) in GUIDE


def test_the_guide_to_deployments_names_every_setting_of_an_index():
    assert index_table() in GUIDE


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/trial.md", "docs/deploying.md"),
        "benchmarks/README.md",
    ],
)
def test_links_lead_somewhere(page: str):
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text())
    for link in links:
        if "://" not in link:
            assert (path.parent / link).exists(), f"{page}: {link}"
