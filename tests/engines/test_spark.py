"""Guards of the Spark engine that need no Spark, and predictions on real clusters (`make soak`)."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from tests.engines.passengers import KEY, write_passengers

from seatrial.core.errors import UsageError
from seatrial.engines.spark import ROWS_SETTING, _checked, write_files


class Frame:
    """What the checks ask of a Spark DataFrame."""

    columns = ("age", KEY)

    def __init__(self, **settings: str) -> None:
        self.settings = settings
        self.sparkSession = type("Session", (), {"conf": self})

    def mapInArrow(self) -> None: ...  # noqa: N802 - Spark's name

    def get(self, name: str) -> str:
        return self.settings["rows"] if name == ROWS_SETTING else ""

    def set(self, name: str, value: str) -> None:
        self.settings["rows"] = value if name == ROWS_SETTING else ""


@pytest.mark.parametrize("rows", ["10000", "0", "-1", "65536"])
def test_batches_get_the_size_that_is_fast(rows: str):
    frame = Frame(rows=rows)
    assert _checked(frame, KEY, ["prediction"]) == (KEY,)
    assert frame.settings["rows"] == "65536"


def test_another_kind_of_table_is_named():
    with pytest.raises(UsageError, match="A DataFrame is not a Spark DataFrame") as refused:
        _checked(pd.DataFrame(), KEY, [])
    assert "predict_table" in refused.value.hint
    with pytest.raises(UsageError, match="no column `id`"):
        _checked(Frame(rows="1"), "id", [])


def test_a_key_that_spark_cannot_hand_over_is_named():
    frame = Frame(rows="1")
    frame.columns = ("age", "odd.key")
    with pytest.raises(UsageError, match=r"cannot hand over a column called `odd\.key`"):
        _checked(frame, "odd.key", [])


def test_files_are_read_by_their_names_with_the_columns_in_their_folders(tmp_path: Path, titanic):
    class Reader:
        def __init__(self) -> None:
            self.options: dict[str, str] = {}

        def option(self, name: str, value: str) -> "Reader":
            self.options[name] = value
            return self

        def parquet(self, *names: str) -> object:
            self.asked = names
            raise KeyboardInterrupt

    folder = tmp_path / "in [1]"
    (write_passengers(folder / "sex=male", 2, files=1) / "in-000.parquet").rename(folder / "sex=male" / "a*.parquet")
    for files, options in ((folder, {"basePath": f"file://{folder}"}), (folder / "sex=male" / "a*.parquet", {})):
        reader = Reader()
        with pytest.raises(KeyboardInterrupt):
            write_files(titanic, SimpleNamespace(read=reader), str(files), str(tmp_path / "out"), key=KEY)
        assert reader.asked == (f"file://{tmp_path}/in \\[1\\]/sex=male/a\\*.parquet",)
        assert reader.options == {"mergeSchema": "true", **options}
