"""The alert rules are valid, use what the server reports, and each fires at a real fault of a real server."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.monitoring.prometheus import Prometheus, needs_prometheus, prometheus, promtool, shortened
from tests.serve.clients import Client, Process, process, until
from tests.serve.small_releases import EXAMPLE, make_release
from tests.soak import few_of

from seatrial.deploy.monitoring.alert_rules import RULES, render_rules
from seatrial.serve.metrics.families import FAMILIES
from seatrial.watch.watch_metrics import GAUGES

ROW = json.dumps(EXAMPLE).encode()
NAMES = [rule.name for rule in RULES]


def metrics_in(expression: str) -> set[str]:
    return set(re.findall(r"seatrial_\w+", expression))


def known_series() -> set[str]:
    """The names of all series that the server and the watch have."""
    ends = {"histogram": ("_bucket", "_count", "_sum")}
    return {family.name + end for family in FAMILIES for end in ends.get(family.kind, ("",))} | set(GAUGES)


def test_the_rules_use_what_the_server_reports() -> None:
    used = set().union(*(metrics_in(rule.expression) for rule in RULES))
    assert len(used) > 10
    assert used <= known_series()


def test_each_rule_is_about_the_job_alone() -> None:
    for rule in yaml.safe_load(render_rules("churn-model"))["groups"][0]["rules"]:
        selectors = re.findall(r"\w+\{([^}]*)\}", rule["expr"])
        assert selectors, rule
        own = 'project="churn-model"' if "seatrial_watch_" in rule["expr"] else 'job="churn-model"'
        assert all(own in each for each in selectors), rule


def test_each_rule_says_what_is_wrong_and_what_to_do() -> None:
    document = yaml.safe_load(render_rules("churn-model"))
    assert [group["name"] for group in document["groups"]] == ["churn-model"]
    rules = document["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == NAMES == sorted(set(NAMES), key=NAMES.index)
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert all(len(text) > 20 for text in rule["annotations"].values())


@needs_prometheus
def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_text(render_rules("churn-model"))
    assert f"{len(RULES)} rules found" in promtool("check", "rules", "alerts.yml", folder=tmp_path)


def series(metric: str, values: str, **labels: str) -> dict[str, str]:
    shown = ", ".join(f'{key}="{value}"' for key, value in {"job": "m", "instance": "a", **labels}.items())
    return {"series": f"{metric}{{{shown}}}", "values": values}


REQUESTS = "seatrial_requests_total"
POST = {"method": "POST", "route": "/api/v1/predict"}
# For each alert: series in which it is true, and when it fires; before that, or with other values, it does not.
SYNTHETIC: dict[str, tuple[list[dict[str, str]], str]] = {
    "SeatrialDown": ([series("up", "1x5 0x20")], "8m"),
    "SeatrialErrors": (
        [series(REQUESTS, "0+98x30", status="200", **POST), series(REQUESTS, "0+2x30", status="500", **POST)],
        "10m",
    ),
    "SeatrialSheds": (
        [series(REQUESTS, "0+100x30", status="503", **POST), series("seatrial_requests_shed_total", "0+2x30")],
        "10m",
    ),
    "SeatrialSlow": (
        [
            series("seatrial_request_duration_seconds_bucket", "0+10x30", le="0.5", route="/api/v1/predict"),
            series("seatrial_request_duration_seconds_bucket", "0+11x30", le="1.0", route="/api/v1/predict"),
            series("seatrial_request_duration_seconds_bucket", "0+11x30", le="+Inf", route="/api/v1/predict"),
        ],
        "15m",
    ),
    "SeatrialRefusals": (
        [series(REQUESTS, "0+7x40", status="200", **POST), series(REQUESTS, "0+3x40", status="422", **POST)],
        "25m",
    ),
    "SeatrialUnseenValues": (
        [
            series("seatrial_rows_total", "0+100x120", route="/api/v1/predict"),
            series("seatrial_unseen_values_total", "0+11x120", column="age", type="above_range"),
            series("seatrial_unseen_values_total", "0+9x120", column="fare", type="above_range"),
        ],
        "90m",
    ),
    "SeatrialPredictionLogLoses": ([series("seatrial_prediction_log_dropped_total", "0x5 3x10")], "7m"),
    "SeatrialPredictionLogFills": (
        [
            series("seatrial_prediction_log_backlog_bytes", "600x20"),
            series("seatrial_prediction_log_limit_bytes", "1000x20"),
        ],
        "8m",
    ),
    "SeatrialWatchStopped": (
        [
            series("seatrial_watch_last_look_timestamp_seconds", "0x60", project="m"),
            series("seatrial_watch_look_age_limit_seconds", "1200x60", project="m"),
        ],
        "40m",
    ),
    "SeatrialWatchAlarm": ([series("seatrial_watch_alarms", "0x5 1x10", project="m", state="raised")], "7m"),
    "SeatrialLogLinesDropped": ([series("seatrial_log_dropped_lines_total", "0x5 9x10")], "7m"),
    "SeatrialWorkerDied": ([series("seatrial_worker_deaths_total", "0x5 1x10")], "7m"),
    "SeatrialRestarts": ([series("seatrial_process_start_time_seconds", "1 1 2 2 3 3 4 4 4 4")], "8m"),
    "SeatrialSeveralReleases": (
        [series("seatrial_release_info", "1x60", version=version, instance=version) for version in ("1", "2")],
        "40m",
    ),
}


@needs_prometheus
@pytest.mark.parametrize("alert", NAMES)
def test_an_alert_fires_as_its_numbers_say(tmp_path: Path, alert: str) -> None:
    (tmp_path / "alerts.yml").write_text(render_rules("m"))
    given, moment = SYNTHETIC[alert]
    alive = [] if given[0]["series"].startswith("up{") else [series("up", "1x200")]
    rule = next(rule for rule in RULES if rule.name == alert)
    labels = {"severity": rule.severity}
    test = {
        "rule_files": ["alerts.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [*alive, *given],
                "promql_expr_test": [
                    {"expr": f'count(ALERTS{{alertname!="{alert}"}}) or vector(0)', "eval_time": moment, "exp_samples": [{"labels": "{}", "value": 0}]},
                    {"expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing", severity="{labels["severity"]}"}})', "eval_time": moment, "exp_samples": [{"labels": "{}", "value": 1}]},
                    {"expr": 'count(ALERTS{alertstate="firing"}) or vector(0)', "eval_time": "0m", "exp_samples": [{"labels": "{}", "value": 0}]},
                ],
            }
        ],
    }  # fmt: skip
    (tmp_path / "test.yml").write_text(json.dumps(test))
    promtool("test", "rules", "test.yml", folder=tmp_path)


# What follows is real: a server, a fault, Prometheus.


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of a model: it knows the range of `count`, fails at "boom", and is slow at "slow"."""
    root = tmp_path_factory.mktemp("watched")
    make_release(root, "watched", "binary")
    facts = root / "watched" / "artifacts" / "release.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "seen": {"count": {"range": [0, 19]}}}))
    features = root / "watched" / "features.py"
    slow = '    if note == "slow":\n        time.sleep(0.8)\n    return len'
    features.write_text("import time\n" + features.read_text().replace("    return len", slow))
    newer = root / "newer" / "watched"
    shutil.copytree(root / "watched", newer, ignore=shutil.ignore_patterns("__pycache__"))  # as large and as old
    (newer / "__init__.py").write_text('"""Newer."""\n\n__version__ = "1.2.4"\n')
    return root


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    rules = {name.lower(): shortened(render_rules(name.lower())) for name in NAMES}
    with prometheus(tmp_path_factory.mktemp("prometheus"), list(rules), rules) as server:
        yield server


class Fault:
    """A healthy server that Prometheus watches, and ways to hurt it."""

    def __init__(self, watching: Prometheus, job: str, source: Path, folder: Path, stack: ExitStack) -> None:
        self.watching, self.job, self.source, self.folder, self._stack = watching, job, source, folder, stack
        self._stopped = threading.Event()
        stack.callback(self._stopped.set)

    def serve(self, *options: str, port: int = 0, source: Path | None = None, **variables: str) -> tuple[Process, int]:
        """Start a server."""
        command = ("--port", str(port), *options)
        server = self._stack.enter_context(process(source or self.source, *command, package="watched", **variables))
        return server, server.started()

    def watch(self, *ports: int) -> None:
        """Let Prometheus see healthy traffic, and that nothing is wrong."""
        self.keep(lambda: [Client(port).predict(ROW) for port in ports])
        self.watching.watch(self.job, *ports)
        self.watching.up(self.job, len(ports))
        job = self.job
        until(lambda: self.watching.query(f'rate(seatrial_rows_total{{job="{job}"}}[2s]) > 0'), 20)
        until(lambda: not self.watching.alerts(job), 20)

    def differs(self, expression: str, before: list[str]) -> bool:
        """Whether an expression has other values than before."""
        return self.watching.values(expression) not in (before, [])

    def keep(self, act: Callable[[], Any]) -> None:
        """Do something again and again until the end."""

        def run() -> None:
            while not self._stopped.wait(0.05):
                try:
                    act()
                except (OSError, EOFError, AssertionError):
                    continue

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._stack.callback(thread.join, 10)
        self._stack.callback(self._stopped.set)


def ask_for(port: int, **values: Any) -> None:
    Client(port).predict(json.dumps({**EXAMPLE, **values}).encode())


def down(fault: Fault) -> None:
    server, port = fault.serve()
    fault.watch(port)
    server.stop()


def errors(fault: Fault) -> None:
    _, port = fault.serve()
    fault.watch(port)
    fault.keep(lambda: ask_for(port, note="boom"))


def sheds(fault: Fault) -> None:
    _, port = fault.serve()
    fault.watch(port)
    large = json.dumps([EXAMPLE] * 9000).encode()

    def crowd() -> None:
        clients = [Client(port) for _ in range(24)]
        for client in clients:
            client.send(
                b"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b"
                % (len(large), large)
            )
        for client in clients:
            client.read()

    fault.keep(crowd)


def slow(fault: Fault) -> None:
    _, port = fault.serve()
    fault.watch(port)
    fault.keep(lambda: ask_for(port, note="slow"))


def refusals(fault: Fault) -> None:
    _, port = fault.serve()
    fault.watch(port)
    fault.keep(lambda: ask_for(port, size="large"))


def unseen(fault: Fault) -> None:
    _, port = fault.serve()
    fault.watch(port)
    fault.keep(lambda: ask_for(port, count=99))


def logged(fault: Fault) -> int:
    """Start a server whose log's destination is away; returns the port."""
    settings = {"to": "postgresql://127.0.0.1:1/none", "spool": str(fault.folder), "spool_megabytes": 1}
    _, port = fault.serve(SEATRIAL_LOG=json.dumps(settings))
    fault.watch(port)
    return port


def loses(fault: Fault) -> None:
    port = logged(fault)
    body = json.dumps([EXAMPLE] * 3000).encode()
    fault.keep(lambda: Client(port).predict(body))


def fills(fault: Fault) -> None:
    port = logged(fault)
    for _ in range(5):  # some 130 kB each
        assert Client(port).predict(json.dumps([EXAMPLE] * 2500).encode()).status == 200


def unread(fault: Fault) -> None:
    reading, writing = os.pipe()
    fault._stack.callback(os.close, reading)
    command = [sys.executable, "-m", "seatrial.serve", "watched", "--port", "0"]
    server = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(fault.source)}, stderr=writing)
    os.close(writing)
    fault._stack.callback(server.wait)
    fault._stack.callback(server.kill)
    line = b""
    while not (line.endswith(b"\n") and b"serving" in line):
        line = (b"" if line.endswith(b"\n") else line) + os.read(reading, 1)
    port = int(json.loads(line)["message"].split("127.0.0.1:")[1].split(",")[0])
    fault.watch(port)

    def chatter() -> None:
        client = Client(port)
        for _ in range(400):
            client.ask("GET", "/" + "x" * 4000)

    fault.keep(chatter)


def died(fault: Fault) -> None:
    server, port = fault.serve("--workers", "2")
    fault.watch(port)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    worker = next(pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(worker), signal.SIGKILL)


def restarts(fault: Fault) -> None:
    server, port = fault.serve()
    fault.watch(port)
    started = f'seatrial_process_start_time_seconds{{job="{fault.job}"}}'
    for _ in range(3):
        before = fault.watching.values(started)
        server.stop(signal.SIGKILL)
        server, _ = fault.serve(port=port)
        until(partial(fault.differs, started, before), 20)


def several(fault: Fault) -> None:
    (_, first), (_, same) = fault.serve(), fault.serve()
    fault.watch(first, same)
    _, newer = fault.serve(source=fault.source / "newer")
    fault.watching.watch(fault.job, first, newer)


FAULTS = {
    "SeatrialDown": down,
    "SeatrialErrors": errors,
    "SeatrialSheds": sheds,
    "SeatrialSlow": slow,
    "SeatrialRefusals": refusals,
    "SeatrialUnseenValues": unseen,
    "SeatrialPredictionLogLoses": loses,
    "SeatrialPredictionLogFills": fills,
    "SeatrialLogLinesDropped": unread,
    "SeatrialWorkerDied": died,
    "SeatrialRestarts": restarts,
    "SeatrialSeveralReleases": several,
}


@needs_prometheus
@pytest.mark.slow
@pytest.mark.parametrize("alert", few_of(NAMES, ("SeatrialDown", "SeatrialErrors", "SeatrialPredictionLogFills")))
def test_a_real_fault_fires_its_alert(alert: str, watching: Prometheus, source: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        FAULTS[alert](Fault(watching, alert.lower(), source, tmp_path, stack))
        until(lambda: alert in watching.alerts(alert.lower()), 30)
