"""The charts of a trial's page: what is not covered by the whole pages."""

from seatrial.trial.compare.cost import compare_cost
from seatrial.trial.policy import Policy
from seatrial.trial.report.charts import costs


def test_each_cost_is_shown_in_its_own_unit():
    old = {"size": 2.0 * 2**20, "latency": 2e-5, "latency_64": 3e-4, "latency_10000": 0.05, "memory": 91.0}
    figure = costs(compare_cost(old, {**old, "memory": 93.0}, Policy()))
    assert figure is not None
    for text in ("2 → 2 MB", "0.02 → 0.02 ms", "0.3 → 0.3 ms", "50 → 50 ms", "91 → 93 MB", "latency, 10,000 rows"):
        assert text in str(figure.drawing), text
