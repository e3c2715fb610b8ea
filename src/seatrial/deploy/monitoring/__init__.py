"""Files for those who watch a service: alert rules for Prometheus, and a dashboard for Grafana.

In: a project's name, which is the scrape job's. Out: texts. They use the metrics of the model server, and nothing else.
"""

import json

from seatrial.deploy.monitoring.alert_rules import render_rules
from seatrial.deploy.monitoring.dashboard import make_dashboard

RULES_FILE, DASHBOARD_FILE = "alerts.yml", "dashboard.json"


def monitoring_files(name: str) -> dict[str, str]:
    """The files for the service of a project, by file name."""
    dashboard = json.dumps(make_dashboard(name), indent=2, ensure_ascii=False) + "\n"
    return {RULES_FILE: render_rules(name), DASHBOARD_FILE: dashboard}
