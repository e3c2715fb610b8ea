"""The page on monitoring works: its commands run, and Prometheus accepts the configuration that it shows."""

import re
import shutil
from pathlib import Path

import pytest
from tests.conftest import TITANIC
from tests.deploy.monitoring.prometheus import needs_prometheus, promtool
from tests.docs.scenarios import MONITORING
from tests.docs.walking import walk_in
from tests.serve.clients import threaded

from seatrial.deploy.monitoring import DASHBOARD_FILE, RULES_FILE
from seatrial.deploy.monitoring.alert_rules import RULES
from seatrial.model import Release
from seatrial.serve import create_app

pytestmark = pytest.mark.slow


@pytest.fixture
def walked(titanic: Release, tmp_path: Path) -> Path:
    """The folder monitoring/ of a project in which the page was followed."""
    shutil.copy(TITANIC / "pyproject.toml", tmp_path)
    shutil.copytree(TITANIC / "src", tmp_path / "src")
    settings = tmp_path / "monitoring" / "prometheus.yml"
    settings.parent.mkdir()
    settings.touch()
    with threaded(create_app(titanic)) as (port, _), walk_in(tmp_path) as walk:
        walk.ports["8001"] = str(port)
        walk.page(MONITORING, long=True)
    assert len(walk.done) >= 2
    return settings.parent


def test_the_commands_of_the_page_work(walked: Path) -> None:
    assert {path.name for path in walked.iterdir()} == {RULES_FILE, DASHBOARD_FILE, "prometheus.yml"}
    assert 'job="titanic-model"' in (walked / RULES_FILE).read_text("utf-8")
    assert "job_name: titanic-model" in (walked / "prometheus.yml").read_text("utf-8")


@needs_prometheus
def test_prometheus_accepts_the_configuration_of_the_page(walked: Path) -> None:
    assert "SUCCESS" in promtool("check", "config", "prometheus.yml", folder=walked)


def test_the_page_has_every_alert() -> None:
    assert re.findall(r"^\| `(Seatrial\w+)`", MONITORING.path.read_text("utf-8"), re.MULTILINE) == [
        r.name for r in RULES
    ]
