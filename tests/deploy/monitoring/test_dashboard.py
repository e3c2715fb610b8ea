"""Grafana can place the dashboard's panels, and every query of it has an answer from a real Prometheus."""

import json
import math
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.monitoring.prometheus import needs_prometheus, prometheus
from tests.deploy.monitoring.test_alert_rules import known_series, metrics_in
from tests.serve.clients import Client, process, until
from tests.serve.small_releases import EXAMPLE, make_release

from seatrial.deploy.monitoring import DASHBOARD_FILE, RULES_FILE, monitoring_files
from seatrial.deploy.monitoring.dashboard import make_dashboard
from seatrial.serve.metrics.families import FAMILIES

NOT_SHOWN: set[str] = set()


def queries() -> dict[str, str]:
    """The queries of all panels, by panel and legend."""
    return {
        f"{panel['title']}: {target['legendFormat']}": target["expr"]
        for panel in make_dashboard("churn-model")["panels"]
        for target in panel.get("targets", ())
    }


def test_the_dashboard_uses_what_the_server_reports_and_shows_all_of_it() -> None:
    used = set().union(*map(metrics_in, queries().values()))
    assert used <= known_series()
    shown = {family.name for family in FAMILIES if any(name.startswith(family.name) for name in used)}
    assert {family.name for family in FAMILIES} - shown == NOT_SHOWN


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}


def test_no_panel_covers_another() -> None:
    panels = make_dashboard("churn-model")["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 20
    for one, other in combinations(panels, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])
    assert all(x < 24 for panel in panels for x, _ in cells(panel))


def test_the_job_is_the_projects_and_others_can_be_chosen() -> None:
    dashboard = make_dashboard("churn-model")
    variables = {each["name"]: each for each in dashboard["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]
    assert variables["job"]["current"]["value"] == "churn-model"
    assert all('job="$job"' in query for query in queries().values())
    assert len(make_dashboard("m" * 100)["uid"]) <= 40  # Grafana's limit


def test_the_files_are_the_same_each_time() -> None:
    files = monitoring_files("churn-model")
    assert set(files) == {RULES_FILE, DASHBOARD_FILE}
    assert files == monitoring_files("churn-model")
    assert json.loads(files[DASHBOARD_FILE])["title"] == "churn-model (Seatrial)"


@needs_prometheus
@pytest.mark.slow
def test_each_query_has_an_answer(tmp_path: Path) -> None:
    make_release(tmp_path, "shown", "multiclass")
    facts = tmp_path / "shown" / "artifacts" / "release.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "seen": {"count": {"range": [0, 19]}}}))
    settings = json.dumps({"to": "postgresql://127.0.0.1:1/none", "spool": str(tmp_path / "spool")})
    with (
        process(tmp_path, "--port", "0", "--workers", "2", package="shown", SEATRIAL_LOG=settings) as server,
        prometheus(tmp_path, ["churn-model"], {}) as watching,
    ):
        port = server.started()
        watching.watch("churn-model", port)

        def filled() -> dict[str, str]:
            """The queries that have no answer yet."""
            client = Client(port)
            for values in ({}, {"count": 99}, {"size": -1}, {"note": "boom"}):
                client.predict(json.dumps({**EXAMPLE, **values}).encode())
            time.sleep(0.2)
            return {name: query for name, query in queries().items() if not answered(query)}

        def answered(query: str) -> bool:
            real = query.replace("$job", "churn-model").replace("$instance", ".*").replace("$__rate_interval", "5s")
            assert "$" not in real
            return any(math.isfinite(float(value)) for value in watching.values(real))

        until(lambda: not filled(), 40)
        assert filled() == {}
