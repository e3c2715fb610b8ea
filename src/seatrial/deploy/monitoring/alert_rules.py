"""Alert rules for Prometheus: each says what is wrong, and what to look at first."""

import re
from dataclasses import dataclass
from typing import Literal

from seatrial.core.quoting import one_line, yaml

HEAD = """\
# Alerts for the service of {name}, written by `seatrial add grafana`. Change the limits to what your callers expect.
# Prometheus reads it with `rule_files: [alerts.yml]`; the scrape job must have the name {name}.
"""


@dataclass(frozen=True)
class AlertRule:
    """One alert: fires when `expression` has been true for so long. JOB in it stands for the scrape job's matcher,
    and PROJECT for that of the watch, which is another job."""

    name: str
    expression: str
    lasting: str
    severity: Literal["critical", "warning"]
    summary: str
    action: str


RULES = (
    AlertRule(
        "SeatrialDown",
        "up{JOB} == 0 or absent(up{JOB})",
        "1m",
        "critical",
        "The service does not answer scrapes.",
        "Look at its last log lines and at the platform's events; `seatrial deployments` shows what should run.",
    ),
    AlertRule(
        "SeatrialErrors",
        """\
sum(rate(seatrial_requests_total{JOB, status=~"5..", status!~"503|504"}[5m]))
  / sum(rate(seatrial_requests_total{JOB}[5m])) > 0.01""",
        "2m",
        "critical",
        "More than 1 % of the requests end with an error of the model or the server.",
        'Search the log for "The request failed": it has the place in the code, and the request ID.',
    ),
    AlertRule(
        "SeatrialSheds",
        """\
sum(rate(seatrial_requests_shed_total{JOB}[5m]))
  / sum(rate(seatrial_requests_total{JOB}[5m])) > 0.01""",
        "2m",
        "warning",
        "More than 1 % of the requests are refused, because there is more to do than there is room or time for.",
        "Run more workers or replicas, or give callers a rate (`seatrial keys add --rate`).",
    ),
    AlertRule(
        "SeatrialSlow",
        """\
histogram_quantile(0.99, sum by (le) (
  rate(seatrial_request_duration_seconds_bucket{JOB, route!="/api/v1/explain"}[5m])
)) > 0.5""",
        "5m",
        "warning",
        "One request in a hundred takes more than half a second.",
        "Compare the routes on the dashboard. Large bodies, and a slow feature function, are the usual causes.",
    ),
    AlertRule(
        "SeatrialRefusals",
        """\
sum(rate(seatrial_requests_total{JOB, method="POST", status=~"400|422"}[15m]))
  / sum(rate(seatrial_requests_total{JOB, method="POST"}[15m])) > 0.2""",
        "5m",
        "warning",
        "More than 20 % of the requests are refused for their rows.",
        "seatrial_refusals_total has the column and the rule: a caller has changed, or the schema is too strict.",
    ),
    AlertRule(
        "SeatrialUnseenValues",
        """\
sum by (column) (rate(seatrial_unseen_values_total{JOB}[1h]))
  / on () group_left () sum(rate(seatrial_rows_total{JOB}[1h])) > 0.1""",
        "15m",
        "warning",
        "More than 10 % of the rows have a value in {{ $labels.column }} that no training row had.",
        "The type on seatrial_unseen_values_total says in what way. Train again with newer rows, or look for a unit "
        "that has changed.",
    ),
    AlertRule(
        "SeatrialPredictionLogLoses",
        "increase(seatrial_prediction_log_dropped_total{JOB}[5m]) > 0",
        "0m",
        "critical",
        "Predictions were answered that are not in the prediction log.",
        "The spool is full or cannot be written: see whether the shipper runs, whether the log's destination can be "
        "reached, and whether the disk has room.",
    ),
    AlertRule(
        "SeatrialPredictionLogFills",
        "seatrial_prediction_log_backlog_bytes{JOB} / seatrial_prediction_log_limit_bytes{JOB} > 0.5",
        "5m",
        "warning",
        "The prediction log's spool is more than half full: predictions are not delivered.",
        "See whether the shipper runs, and whether the log's destination can be reached.",
    ),
    AlertRule(
        "SeatrialWatchStopped",
        """\
time() - max by (project) (seatrial_watch_last_look_timestamp_seconds{PROJECT})
  > max by (project) (seatrial_watch_look_age_limit_seconds{PROJECT})""",
        "5m",
        "warning",
        "Nobody has looked at the prediction log for two windows.",
        "Run `seatrial watch` by hand: it says why it cannot look. Then see whether its schedule, or its server, runs.",
    ),
    AlertRule(
        "SeatrialWatchAlarm",
        'seatrial_watch_alarms{PROJECT, state="raised"} > 0',
        "0m",
        "warning",
        "The watch has raised an alarm that nobody has acknowledged.",
        "`seatrial watch` says what changed, since when and what to do; `seatrial watch ack` acknowledges it.",
    ),
    AlertRule(
        "SeatrialLogLinesDropped",
        "increase(seatrial_log_dropped_lines_total{JOB}[5m]) > 0",
        "0m",
        "warning",
        "Lines of the text log were dropped, because nobody read them in time.",
        "See whether what collects the logs keeps up; or log less, with --log-level warning.",
    ),
    AlertRule(
        "SeatrialWorkerDied",
        "increase(seatrial_worker_deaths_total{JOB}[15m]) > 0",
        "0m",
        "warning",
        "A worker process died and was replaced.",
        "It was killed from outside, usually for want of memory: compare seatrial_memory_bytes with the limit.",
    ),
    AlertRule(
        "SeatrialRestarts",
        "changes(seatrial_process_start_time_seconds{JOB}[30m]) > 2",
        "0m",
        "critical",
        "The server starts again and again.",
        "Look at the last lines of its log before each start, and at the platform's events.",
    ),
    AlertRule(
        "SeatrialSeveralReleases",
        "count(count by (version) (seatrial_release_info{JOB})) > 1",
        "30m",
        "warning",
        "More than one release answers: a rollout has not ended.",
        "seatrial_release_info has the version of each instance. Finish the rollout, or undo it.",
    ),
)


def render_rules(name: str) -> str:
    """The rules for the service of a project as a file of Prometheus."""
    lines = [HEAD.format(name=one_line(name)), "groups:\n", f"  - name: {yaml(name)}\n", "    rules:\n"]
    for rule in RULES:
        matched = re.sub("JOB|PROJECT", lambda found: f'{found[0].lower()}="{name}"', rule.expression)
        expression = matched.replace("\n", "\n          ")
        lines += [
            f"      - alert: {rule.name}\n",
            f"        expr: |-\n          {expression}\n",
            f"        for: {rule.lasting}\n" if rule.lasting != "0m" else "",
            f"        labels:\n          severity: {rule.severity}\n",
            f"        annotations:\n          summary: {_quoted(rule.summary)}\n",
            f"          description: {_quoted(rule.action)}\n",
        ]
    return "".join(lines)


def _quoted(text: str) -> str:
    """A scalar of YAML in single quotes, in which nothing else is special."""
    return "'" + text.replace("'", "''") + "'"
