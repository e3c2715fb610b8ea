"""The importance chart: the order of the columns, long names, and columns without an effect."""

import re

from seatrial.train.evaluation import Importance, Metric
from seatrial.train.figures.importance import MOST, importance_chart

HEADLINE = Metric("roc_auc", "ROC AUC", 0.9, 0.85, 0.95, 0.5, higher_is_better=True)


def test_columns_are_ordered_by_their_loss_and_unused_ones_are_named() -> None:
    chart = importance_chart([Importance("weak", 0.01, 0.002), Importance("unused", 0.0, 0.0), Importance("strong", 0.2, 0.01)], HEADLINE)  # fmt: skip
    assert chart is not None
    assert "“strong” is the most important column, with a loss of 0.200." in chart.caption
    assert chart.caption.endswith("Not used by the model: unused.")
    assert "strong 0.200, weak 0.010" in chart.drawing.__html__()
    assert chart.drawing.__html__().index(">0.200<") < chart.drawing.__html__().index(">0.010<")


def test_without_any_loss_there_is_no_chart() -> None:
    assert importance_chart([], HEADLINE) is None
    assert importance_chart([Importance("unused", 0.0, 0.0)], HEADLINE) is None


def test_a_wide_table_shows_the_first_columns_and_long_names_are_cut() -> None:
    chart = importance_chart([Importance(f"a_column_with_a_long_name_{i}", 0.1 + i / 100, 0.0) for i in range(MOST + 3)], HEADLINE)  # fmt: skip
    assert chart is not None
    assert ">3 more</text>" in chart.drawing.__html__()
    assert ">up to 0.120</text>" in chart.drawing.__html__()
    assert "The last line stands for a_column_with_a_long_name_2, " in chart.caption
    assert len(re.findall(r">a_column_with_a_lon…<", chart.drawing.__html__())) == MOST


def test_losses_that_would_be_written_as_zero_share_one_line() -> None:
    tiny = [Importance(f"tiny{i}", 0.0002 * (-1) ** i, 0.0001) for i in range(12)]
    chart = importance_chart([Importance("strong", 0.2, 0.01), Importance("some", 0.001, 0.0), *tiny], HEADLINE)
    assert chart is not None
    drawing = chart.drawing.__html__()
    assert ">some</text>" in drawing
    assert ">12 more</text>" in drawing
    assert ">below 0.001</text>" in drawing
    assert not re.search(r">-?0\.000<", drawing)
