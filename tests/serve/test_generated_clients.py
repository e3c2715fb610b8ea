"""Clients that generators make from the OpenAPI document call a real server: one in Python, one in TypeScript.

They need PyPI and npm's registry, for the generators.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.serve.clients import threaded
from tests.serve.test_access import locked

from seatrial.core.access_keys import make_key
from seatrial.model import Release
from seatrial.serve import create_app

pytestmark = pytest.mark.slow

KEY, SECRET = make_key("app", ["predict", "explain"])
PYTHON_GENERATOR = "openapi-python-client==0.29.1"
# openapi-typescript needs TypeScript 5
NODE_PACKAGES = ("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9")
TABLES = ("text/csv", "application/jsonlines", "application/x-ndjson", "application/vnd.apache.arrow.stream")
KNOWN = {f"Unsupported content type {name}" for name in TABLES}

PYTHON = """
import sys

from titanic_model_client import AuthenticatedClient
from titanic_model_client.api.k_serve_v1 import instances_predict_model
from titanic_model_client.api.model import explain, model, predict
from titanic_model_client.api.open_inference import open_inference_infer
from titanic_model_client.api.server import ready
from titanic_model_client.models import (
    ExplainedPrediction, InferRequest, InferRequestInputsItem, InferRequestInputsItemDatatype, InferResponse,
    InstancesRequest, Model, Passenger, Prediction, PredictJsonInputs, Status, ValidationErrors,
)

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
row = Passenger.from_dict({"pclass": 2, "name": "Marsh, Miss. Ada", "sex": "female"})
for body in (row, [row], PredictJsonInputs(inputs=[row])):
    answer = predict.sync(client=client, body=body)
    assert isinstance(answer, Prediction)
    assert answer.predictions == [1]
    assert 0.7 < answer.probabilities[0].to_dict()["1"] < 0.8

explained = explain.sync(client=client, body=row)
assert isinstance(explained, ExplainedPrediction)
assert {each.column for each in explained.explanation.contributions} >= {"sex", "pclass"}

wrong = predict.sync(client=client, body=Passenger.from_dict({"pclass": 2, "name": "A", "sex": "female", "age": -1}))
assert isinstance(wrong, ValidationErrors)
assert wrong.detail[0].loc == ["body", "age"]

facts = model.sync(client=client)
assert isinstance(facts, Model)
assert facts.name == "titanic-model"
assert isinstance(ready.sync(client=client), Status)

kind = InferRequestInputsItemDatatype
tensors = [
    InferRequestInputsItem(name="pclass", datatype=kind.INT64, shape=[1], data=[2]),
    InferRequestInputsItem(name="name", datatype=kind.BYTES, shape=[1], data=["Marsh, Miss. Ada"]),
    InferRequestInputsItem(name="sex", datatype=kind.BYTES, shape=[1], data=["female"]),
]
inferred = open_inference_infer.sync("titanic-model", client=client, body=InferRequest(inputs=tensors))
assert isinstance(inferred, InferResponse)
assert inferred.outputs[0].data == [1]
instances = InstancesRequest.from_dict({"instances": [row.to_dict()]})
assert instances_predict_model.sync("titanic-model", client=client, body=instances).predictions == [1]
print("done")
"""

TYPESCRIPT = """
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
const client = createClient<paths>({ baseUrl: process.argv[2], headers: { "X-API-Key": process.argv[3] } });
const row: components["schemas"]["Passenger"] = { pclass: 2, name: "Marsh, Miss. Ada", sex: "female" };

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

for (const body of [row, [row], { inputs: [row] }]) {
  const { data } = await client.POST("/api/v1/predict", { body });
  if (typeof data !== "object") throw new Error("a table");
  check(data.predictions[0] === 1, "prediction");
  const share: number | undefined = data.probabilities[0]["1"];
  check(share !== undefined && share > 0.7, "probability");
}

const { data: explained } = await client.POST("/api/v1/explain", { body: row });
check(explained?.explanation.contributions.some((each) => each.column === "sex") === true, "explanation");

const wrong = await client.POST("/api/v1/predict", { body: { ...row, age: -1 } });
check(wrong.response.status === 422, "status");
check(wrong.error !== undefined && Array.isArray(wrong.error.detail), "error");

const { data: facts } = await client.GET("/api/v1/model");
check(facts?.name === "titanic-model", "model");

const params = { path: { name: "titanic-model" } };
const { data: inferred } = await client.POST("/v2/models/{name}/infer", {
  params,
  body: {
    inputs: [
      { name: "pclass", datatype: "INT64", shape: [1], data: [2] },
      { name: "name", datatype: "BYTES", shape: [1], data: ["Marsh, Miss. Ada"] },
      { name: "sex", datatype: "BYTES", shape: [1], data: ["female"] },
    ],
  },
});
check(inferred?.outputs[0].data?.[0] === 1, "tensor");

const classes: 0 | 1 | undefined = inferred === undefined ? undefined : facts && explained?.predictions[0];
check(classes === 1, "class");

// what the types refuse
// @ts-expect-error there is no such class
export const first: typeof row = { ...row, pclass: 4 };
// @ts-expect-error there is no such column
export const second: typeof row = { ...row, agee: 4 };
// @ts-expect-error a name is required
export const third: typeof row = { pclass: 2, sex: "female" };
// @ts-expect-error there is no such route
export const fourth = () => client.POST("/api/v1/train", { body: row });
console.log("done");
"""


@pytest.fixture(scope="module")
def url(titanic: Release) -> Iterator[str]:
    with threaded(create_app(titanic, locked(KEY))) as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def document(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_bytes(httpx.get(f"{url}/openapi.json", timeout=30).content)
    return path


def run(folder: Path, *command: str | Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def installed(folder: Path, *command: str | Path) -> None:
    """Run an installer; without its registry the test is skipped."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"{Path(command[0]).name} cannot install the generator: {done.stderr.strip()[-300:]}")


def test_operations_have_names_that_read_well(document: Path) -> None:
    paths = json.loads(document.read_bytes())["paths"]
    names = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert {"predict", "explain", "model", "ready", "open_inference_infer", "open_inference_infer_version"} <= set(
        names
    )
    assert len(set(names)) == len(names)


def test_a_python_client_is_generated_and_works(url: str, document: Path, tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "env" / "bin" / "python"
    run(tmp_path, uv, "venv", "--quiet", "--python", sys.executable, "env")
    installed(tmp_path, uv, "pip", "install", "--quiet", "--python", python, PYTHON_GENERATOR, "mypy")
    settings = tmp_path / "settings.yml"
    settings.write_text("post_hooks: []\n")
    generate = ("generate", "--path", document, "--output-path", "made", "--config", settings)
    said = run(tmp_path, python.with_name("openapi-python-client"), *generate)
    assert (
        set(re.findall(r"^(Unsupported .*|.*will not be generated.*|.*will be omitted.*)$", said, re.MULTILINE))
        == KNOWN
    )
    (tmp_path / "use.py").write_text(PYTHON)
    run(tmp_path, python.with_name("mypy"), "--python-executable", python, "made/titanic_model_client")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "made")}
    done = subprocess.run(
        [python, "use.py", url, SECRET],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_a_typescript_client_is_generated_and_works(url: str, document: Path, tmp_path: Path) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        pytest.skip("npm and node are not installed: Debian's package npm has both")
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    installed(tmp_path, npm, "install", "--no-audit", "--no-fund", "--silent", *NODE_PACKAGES)
    tools = tmp_path / "node_modules" / ".bin"
    run(tmp_path, tools / "openapi-typescript", document, "-o", "api.d.ts", "--default-non-nullable", "false")
    (tmp_path / "use.ts").write_text(TYPESCRIPT)
    run(tmp_path, tools / "tsc", "--strict", "--target", "es2022", "--module", "nodenext", "use.ts")
    assert run(tmp_path, node, "use.js", url, SECRET) == "done\n"
