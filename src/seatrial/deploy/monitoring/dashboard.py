"""A dashboard for Grafana, as the JSON that it imports: what is asked, what is answered, and what the server needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

WIDTH = 24  # of Grafana's grid
SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}
MATCH = 'job="$job", instance=~"$instance"'
RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """One panel: its queries by legend. In a query ONE stands for the matcher, and RATE for the range of a rate."""

    title: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    about: str = ""


def _quantile(share: float, name: str, by: str = "le") -> str:
    return f"histogram_quantile({share}, sum by ({by}) (rate({name}_bucket{{ONE}}RATE)))"


DURATION = "seatrial_request_duration_seconds"
ERRORS = (
    'sum(rate(seatrial_requests_total{ONE, status=~"5.."}RATE)) / sum(rate(seatrial_requests_total{ONE}RATE))'
    " or vector(0)"
)
SECTIONS: dict[str, tuple[Panel, ...]] = {
    "At a glance": (
        Panel("Instances that answer", {"": 'sum(up{job="$job"})'}, kind="stat", width=3, height=4),
        Panel(
            "Release",
            {"{{version}}": "count by (version) (seatrial_release_info{ONE})"},
            kind="stat",
            width=5,
            height=4,
        ),
        Panel("Requests", {"": "sum(rate(seatrial_requests_total{ONE}RATE))"}, "reqps", "stat", 4, 4),
        Panel("Rows", {"": "sum(rate(seatrial_rows_total{ONE}RATE))"}, "rowsps", "stat", 4, 4),
        Panel("Errors", {"": ERRORS}, "percentunit", "stat", 4, 4),
        Panel("99 % within", {"": _quantile(0.99, DURATION)}, "s", "stat", 4, 4),
    ),
    "Requests": (
        Panel(
            "Requests by status",
            {"{{status}}": "sum by (status) (rate(seatrial_requests_total{ONE}RATE))"},
            "reqps",
            stacked=True,
        ),
        Panel("Requests by route", {"{{route}}": "sum by (route) (rate(seatrial_requests_total{ONE}RATE))"}, "reqps"),
        Panel(
            "Duration",
            {f"{share:.0%}".replace("%", " %"): _quantile(share, DURATION) for share in (0.5, 0.9, 0.99)},
            "s",
            about="From a request's first byte to its answer.",
        ),
        Panel("99 % within, by route", {"{{route}}": _quantile(0.99, DURATION, "le, route")}, "s"),
        Panel(
            "In progress",
            {
                "in progress": "sum(seatrial_requests_in_progress{ONE})",
                "of these waiting": "sum(seatrial_requests_waiting{ONE})",
            },
        ),
        Panel(
            "Refused for want of room or time",
            {"503 or 504": "sum(rate(seatrial_requests_shed_total{ONE}RATE))"},
            "reqps",
        ),
    ),
    "Rows and predictions": (
        Panel(
            "Predictions by label",
            {
                "{{label}}": "sum by (label) (rate(seatrial_predictions_total{ONE}RATE))"
                " / on () group_left () sum(rate(seatrial_predictions_total{ONE}RATE))"
            },
            "percentunit",
            stacked=True,
            about="The share of each predicted label. A regression has none.",
        ),
        Panel(
            "Refused rows",
            {"{{column}} {{rule}}": "sum by (column, rule) (rate(seatrial_refusals_total{ONE}RATE))"},
            "reqps",
            about="Requests that were refused, by column and rule.",
        ),
        Panel(
            "Values that training did not see",
            {
                "{{column}} {{type}}": "sum by (column, type) (rate(seatrial_unseen_values_total{ONE}RATE))"
                " / on () group_left () sum(rate(seatrial_rows_total{ONE}RATE))"
            },
            "percentunit",
            about="For each row.",
        ),
        Panel("Rows by route", {"{{route}}": "sum by (route) (rate(seatrial_rows_total{ONE}RATE))"}, "rowsps"),
        Panel(
            "Rows in a call of the engine",
            {
                "mean": "sum(rate(seatrial_batch_rows_sum{ONE}RATE)) / sum(rate(seatrial_batch_rows_count{ONE}RATE))",
                "99 %": _quantile(0.99, "seatrial_batch_rows"),
            },
            about="Requests that arrive at the same time share a call.",
        ),
    ),
    "Logs": (
        Panel(
            "Prediction log: not delivered",
            {
                "backlog": "max(seatrial_prediction_log_backlog_bytes{ONE})",
                "full at": "max(seatrial_prediction_log_limit_bytes{ONE})",
            },
            "bytes",
        ),
        Panel(
            "Predictions that were not logged",
            {"": "sum(increase(seatrial_prediction_log_dropped_total{ONE}RATE))"},
        ),
        Panel(
            "Text log",
            {
                "lines dropped": "sum(increase(seatrial_log_dropped_lines_total{ONE}RATE))",
                "bytes waiting": "sum(seatrial_log_backlog_bytes{ONE})",
            },
        ),
    ),
    "Processes": (
        Panel("Processors in use", {"{{instance}}": "rate(seatrial_cpu_seconds_total{ONE}RATE)"}),
        Panel("Memory", {"{{instance}}": "seatrial_memory_bytes{ONE}"}, "bytes"),
        Panel(
            "Workers",
            {
                "{{instance}}": "seatrial_workers{ONE}",
                "died, {{instance}}": "increase(seatrial_worker_deaths_total{ONE}RATE)",
            },
        ),
        Panel(
            "Running for",
            {"{{instance}}": "time() - seatrial_process_start_time_seconds{ONE}"},
            "s",
        ),
    ),
}


def make_dashboard(name: str) -> Json:
    """The dashboard for the service of a project, whose scrape job has its name."""
    return {
        "title": f"{name} (Seatrial)",
        "uid": f"seatrial-{name}"[:40],
        "tags": ["seatrial"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "",
        "templating": {"list": _variables(name)},
        "annotations": {"list": [_deployments()]},
        "panels": list(_panels()),
    }


def _variables(name: str) -> list[Json]:
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {}},
        {
            "name": "job",
            "label": "Job",
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": "label_values(seatrial_release_info, job)", "refId": "job"},
            "current": {"selected": True, "text": name, "value": name},
            "refresh": 2,
        },
        {
            "name": "instance",
            "label": "Instance",
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": 'label_values(seatrial_release_info{job="$job"}, instance)', "refId": "instance"},
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "refresh": 2,
        },
    ]


def _deployments() -> Json:
    """Marks on all panels where a server has started."""
    return {
        "name": "Starts",
        "datasource": SOURCE,
        "enable": True,
        "expr": 'changes(seatrial_process_start_time_seconds{job="$job"}[$__rate_interval]) > 0',
        "titleFormat": "{{instance}} started",
        "iconColor": "blue",
    }


def _panels() -> Iterator[Json]:
    """Yield the panels, from left to right and from top to bottom."""
    number = top = 0
    for section, panels in SECTIONS.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": section,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
        }
        top, left, height = top + 1, 0, 0
        for panel in panels:
            if left + panel.width > WIDTH:
                top, left, height = top + height, 0, 0
            number += 1
            yield _panel(panel, number, {"x": left, "y": top, "w": panel.width, "h": panel.height})
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _panel(panel: Panel, number: int, place: Json) -> Json:
    custom: Json = {"fillOpacity": 60 if panel.stacked else 10, "showPoints": "never"}
    custom["stacking"] = {"mode": "normal" if panel.stacked else "none", "group": "A"}
    defaults: Json = {"unit": panel.unit, "min": 0}
    options: Json = {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    if panel.kind == "stat":
        text = "name" if panel.title == "Release" else "value"
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "textMode": text}
    else:
        defaults["custom"] = custom
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + position),
                "datasource": SOURCE,
                "expr": query.replace("ONE", MATCH).replace("RATE", RATE),
                "legendFormat": legend or panel.title,
            }
            for position, (legend, query) in enumerate(panel.queries.items())
        ],
    }
