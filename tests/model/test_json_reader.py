"""Lines of JSON: numbered as an editor numbers them, with columns that only some lines have."""

from pathlib import Path

from seatrial.model.json_reader import read_lines


def test_lines_are_numbered_and_missing_columns_are_none(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n\n{"b": "x"}\r\n{"a": 3}')
    chunks = list(read_lines(path, 3, set()))
    assert [chunk.lines for chunk in chunks] == [[1, 3], [4]]
    assert [chunk.columns for chunk in chunks] == [{"a": [1, None], "b": [None, "x"]}, {"a": [3], "b": [None]}]
