"""An examination as a table of columns."""

from tests.conftest import TITANIC
from tests.template.projects import examined

from seatrial.template.inference.overview import ColumnOverview, column_overviews


def test_column_overviews() -> None:
    lines = column_overviews(examined(TITANIC / "data" / "titanic.csv", "survived"))
    assert lines[0] == ColumnOverview("survived", "binary", "0 62%, 1 38%", "", "the target; 1 is positive")
    by_name = {line.name: line for line in lines}
    assert by_name["age"] == ColumnOverview("age", "numbers", "0.1667 to 80", "20.1%", "used")
    assert by_name["embarked"] == ColumnOverview("embarked", "categories", "S, C, Q", "0.2%", "used")
    assert by_name["ticket"].values == "929 distinct, such as 'CA. 2343'"
