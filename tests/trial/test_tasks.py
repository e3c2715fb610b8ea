"""Whole trials of a model of several classes and of a regression, from the table to the gate."""

import json
from pathlib import Path

import pytest
from benchmarks.detection.projects import SOURCES, read_source
from benchmarks.detection.releasable import set_version, write_releasable
from tests.commands import run_here

pytestmark = pytest.mark.soak


@pytest.mark.parametrize(("source", "model"), [("wine", "boosted"), ("diabetes", "linear")])
def test_a_good_release_passes_and_one_with_faulty_data_does_not(tmp_path: Path, source: str, model: str) -> None:
    root = tmp_path / source
    table, _ = read_source(SOURCES[source], None)
    init = write_releasable(SOURCES[source], model, table, root)
    data = root / "data.csv"
    rows = data.read_text().splitlines(keepends=True)
    column = rows[0].split(",").index("alcohol" if source == "wine" else "bmi")

    def trial(version: str, lines: list[str]) -> tuple[int, dict]:
        set_version(init, version)
        data.write_text("".join(lines))
        for command in ("train", "build"):
            done = run_here(command, cwd=root)
            assert done.returncode == 0, done.stderr
        done = run_here("trial", "--json", cwd=root)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    code, verdict = trial("0.1.0", rows)
    assert code == 0, verdict["cause"]
    assert run_here("publish", cwd=root).returncode == 0
    code, verdict = trial("0.1.1", rows[:1] + rows[6:])  # five rows are gone
    assert code == 0, verdict["cause"]
    assert verdict["task"] == ("multiclass" if source == "wine" else "regression")
    assert verdict["rows"]["reference"] > 30
    wrong_rows = [line.rstrip("\n").split(",") for line in rows]
    for cells in wrong_rows[1:]:
        cells[column] = repr(float(cells[column]) * 1000)
    code, verdict = trial("0.1.2", [",".join(cells) + "\n" for cells in wrong_rows])
    assert code == 1, verdict["cause"]
    assert wrong_rows[0][column] in verdict["cause"]
