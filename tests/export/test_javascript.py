"""Feature functions answer the same in JavaScript as in Python."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.export.test_function_expressions import COLUMNS, FUNCTIONS, module, table

from seatrial.export.expressions import Expressions
from seatrial.export.function_expressions import feature_expressions
from seatrial.export.javascript import features_module
from seatrial.export.sql import Output
from seatrial.export.sql_release import column_value
from seatrial.model.features import add_features, features_in
from seatrial.model.table_validation import rows_of


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_functions_answer_as_in_python(tmp_path: Path) -> None:
    features, columns, pool = features_in(module(tmp_path, FUNCTIONS), COLUMNS), table(), Expressions()
    values = feature_expressions(features, {column.name: column_value(column, pool) for column in COLUMNS}, pool)
    numbers = [feature.name for feature in features if feature.numeric]
    strings = [feature.name for feature in features if not feature.numeric]
    made = {name: pool.as_number(value.expression) if name in numbers else value.expression for name, value in values.items()}  # fmt: skip
    script = features_module([Output(name, each) for name, each in made.items()], numbers, strings)
    rows = json.dumps(rows_of(COLUMNS, columns))
    shown = "console.log(JSON.stringify(rows.map(features), (_, value) => Number.isNaN(value) ? null : value));"
    (tmp_path / "features.mjs").write_text(f"{script}\nconst rows = {rows};\n{shown}\n", "utf-8")
    done = subprocess.run(["node", str(tmp_path / "features.mjs")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    expected = add_features(columns, features, COLUMNS)
    for kind, names in (("numbers", numbers), ("strings", strings)):
        for place, name in enumerate(names):
            wanted = [None if isinstance(each, float) and math.isnan(each) else each for each in expected[name].tolist()]  # fmt: skip
            found = [answer[kind][place] for answer in answers]
            same = [a == b or (kind == "numbers" and None not in (a, b) and math.isclose(a, b, rel_tol=1e-15)) for a, b in zip(found, wanted, strict=True)]  # fmt: skip
            assert all(same), (name, found[same.index(False)], wanted[same.index(False)])
