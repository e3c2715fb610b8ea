"""The page's stand-in for the server, run by Node.js with a runtime of our own: what it refuses, and what it leaves."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from seatrial.export import browser

RUNTIME = """
export const env = { wasm: {} };
export class Tensor { constructor(kind, data) { this.data = data; } }
export const InferenceSession = { create: async () => ({ run: async ({ numbers }) => ({ scores: { data: [...numbers.data].flatMap((x) => [1 - x, x]) } }) }) };
"""
COLUMNS: list[dict[str, Any]] = [
    {"name": "a", "type": "number", "low": 0, "high": 1},
    {"name": "code", "type": "text", "minLength": 0, "maxLength": None, "pattern": "(?i)^x"},
    {"name": "zip", "type": "text", "minLength": 0, "maxLength": None, "pattern": "^[0-9]+$"},
]
RELEASE = {"task": "binary", "classes": ["no", "yes"], "positive": 1, "threshold": 0.5, "numbers": 1, "strings": 0}


def post(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page is answered for these rows, whose only feature is a, and missing for 0.5."""
    columns = [{"nullable": False, "required": True, **column} for column in COLUMNS]
    facts = json.dumps({**RELEASE, "columns": columns})
    features = "export const features = ({ a }) => ({ numbers: [a === 0.5 ? NaN : a], strings: [] });"
    (folder / "ort.wasm.bundle.min.mjs").write_text(RUNTIME)
    (folder / "release.js").write_text(f"export const release = {facts};\n{features}\n")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(browser.HERE / "local.js", folder)
    call = f"const answer = await post('/api/v1/predict', {json.dumps(rows)});"
    told = "console.log(JSON.stringify({ status: answer.status, ...(await answer.json()) }));"
    (folder / "main.js").write_text(f"import {{ post }} from './local.js';\n{call}\n{told}\n")
    done = subprocess.run(["node", str(folder / "main.js")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_row_without_a_score_has_no_label(tmp_path: Path) -> None:
    rows = [{"a": value, "code": "Xy", "zip": "1"} for value in (0.25, 0.5, 0.75)]
    assert post(tmp_path, [rows[0], rows[2]])["predictions"] == ["no", "yes"]
    refused = post(tmp_path, rows)
    assert refused["status"] == 422
    assert refused["detail"] == [{"loc": ["body", 1], "msg": "A feature cannot be computed for this row"}]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_a_pattern_that_javascript_cannot_read_is_left_out(tmp_path: Path) -> None:
    refused = post(tmp_path, [{"a": 0.25, "code": "no x", "zip": "none"}])
    assert [(each["loc"][-1], each["msg"]) for each in refused["detail"]] == [
        ("zip", "String should match pattern '^[0-9]+$'")
    ]
