"""A real Prometheus on loopback that scrapes often, for tests; Debian's package `prometheus` has it."""

import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serve.clients import until

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="prometheus and promtool are not installed: they are in Debian's package prometheus",
)


def promtool(*arguments: str, folder: Path) -> str:
    """Run promtool; returns what it prints."""
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shortened(rules: str) -> str:
    """Rules that look at the last seconds instead of minutes, and fire at once."""
    short = re.sub(r"\[30m\]", "[60s]", rules)
    return re.sub(r"for: \w+", "for: 0s", re.sub(r"\[\d+[mh]\]", "[4s]", short))


class Prometheus:
    """A running Prometheus. The targets of each job are in a file, which is read again when it changes."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._client = httpx.Client(base_url=url, timeout=10)

    def watch(self, job: str, *ports: int) -> None:
        """Scrape the servers on these ports as a job."""
        path = self._folder / f"{job}.json"
        path.with_suffix(".new").write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]))
        path.with_suffix(".new").replace(path)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        reply = self._client.get("/api/v1/query", params={"query": expression}).json()
        assert reply["status"] == "success", (expression, reply)
        found: list[dict[str, Any]] = reply["data"]["result"]
        return found

    def values(self, expression: str) -> list[str]:
        """The values of these series."""
        return [series["value"][1] for series in self.query(expression)]

    def alerts(self, job: str) -> set[str]:
        """The names of the alerts of a job's rules that fire now."""
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        rules = [rule for group in groups if group["name"] == job for rule in group["rules"]]
        assert rules
        assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
        return {rule["name"] for rule in rules if rule["state"] == "firing"}

    def up(self, job: str, count: int = 1) -> None:
        """Wait until so many servers of a job are scraped."""
        until(lambda: len([s for s in self.query(f'up{{job="{job}"}}') if s["value"][1] == "1"]) == count, 30)


@contextmanager
def prometheus(folder: Path, jobs: Sequence[str], rules: dict[str, str]) -> Iterator[Prometheus]:
    """Start Prometheus with jobs and the rules of some of them."""
    for job, text in rules.items():
        (folder / f"{job}.yml").write_text(text)
    scrapes = [{"job_name": job, "file_sd_configs": [{"files": [f"{job}.json"]}]} for job in jobs]
    timing = {"scrape_interval": "400ms", "scrape_timeout": "400ms", "evaluation_interval": "400ms"}
    config = {"global": timing, "rule_files": [f"{job}.yml" for job in rules], "scrape_configs": scrapes}
    (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        server = subprocess.Popen([*command, f"--web.listen-address={address}"], cwd=folder, stdout=log, stderr=log)
    try:
        until(lambda: _ready(f"http://{address}/-/ready") or server.poll() is not None, 60)
        assert server.poll() is None, (folder / "log").read_text()
        yield Prometheus(folder, f"http://{address}")
    finally:
        server.terminate()
        server.wait(30)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False
