"""The recipes for other systems are checked as far as that is possible without them."""

import ast
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from tests.deploy.test_kubernetes import validate
from tests.docs.markdown import blocks_of
from tests.docs.scenarios import DOCS

from seatrial.steps.job import job_text

ROWS = [
    {"pclass": 2, "name": "Marsh, Miss. Ada", "sex": "female"},
    {"pclass": 3, "name": "Olsen, Mr. Karl", "sex": "male"},
]


def block(heading: str, language: str) -> str:
    found = [
        each.text for each in blocks_of(DOCS / "recipes.md") if (each.heading, each.language) == (heading, language)
    ]
    assert len(found) == 1
    return found[0]


def test_the_kubernetes_job_is_strictly_valid(tmp_path: Path):
    text = block("A Kubernetes Job", "yaml")
    done = validate(text, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert validate(text.replace("completionMode", "completionmode"), tmp_path).returncode != 0


def test_the_command_of_the_kubernetes_job_predicts_its_file(titanic_project: Path, tmp_path: Path):
    pod = yaml.safe_load(block("A Kubernetes Job", "yaml"))["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    command = tmp_path / "bin" / "titanic-model"
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -c 'import sys, titanic_model; sys.exit(titanic_model.main())' \"$@\"\n"
    )
    command.chmod(0o755)
    (tmp_path / "in-3.csv").write_text('pclass,name,sex\n2,"Marsh, Miss. Ada",female\n9,"Olsen, Mr. Karl",male\n')
    words = [word.replace("/data/", f"{tmp_path}/") for word in (*container["command"], *container["args"])]
    environment = {
        **os.environ,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "JOB_COMPLETION_INDEX": "3",
        "PYTHONPATH": str(titanic_project / "src"),
    }
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    header, good, bad = (tmp_path / "out-3.csv").read_text().splitlines()
    assert header.startswith("prediction,")
    assert (good[:2], bad[:1]) == ("1,", ",")


def test_airflow_passes_options_that_the_job_takes():
    tree = ast.parse(block("Airflow", "python"))
    (operator,) = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "SparkSubmitOperator"
    ]
    given = {keyword.arg: keyword.value for keyword in operator.keywords}
    words = ast.literal_eval(given["application_args"])
    job = job_text("spark", "titanic_model")
    assert all(f'"{word}"' in job for word in words if word.startswith("--"))
    assert f"--archives {ast.literal_eval(given['archives'])} spark_job.py" in job


def test_sagemaker_is_asked_as_its_api_is_described():
    import botocore.session
    from botocore.validate import ParamValidator

    arguments = sagemaker()
    service = botocore.session.get_session().get_service_model("sagemaker")
    shape = service.operation_model("CreateTransformJob").input_shape
    report = ParamValidator().validate(arguments, shape)
    assert not report.has_errors(), report.generate_report()
    wrong = ParamValidator().validate({**arguments, "BatchStrategie": "MultiRecord"}, shape)
    assert wrong.has_errors()
    for member, value in (("ContentType", "TransformInput"), ("Accept", "TransformOutput")):
        assert arguments[value][member] == "application/jsonlines"


def test_a_request_of_sagemaker_is_answered_line_by_line(titanic: Any):
    from tests.serve.clients import ask, run

    from seatrial.serve.asgi import AsgiApp
    from seatrial.serve.server_settings import Settings
    from seatrial.serve.service import Service

    arguments = sagemaker()
    assert arguments["DataProcessing"] == {"JoinSource": "Input", "InputFilter": "$.row"}
    assert '{"passenger_id": 1, "row": {"pclass": 2, ...}}' in (DOCS / "recipes.md").read_text("utf-8")
    service = Service(titanic, Settings())
    service.load()
    lines = [json.dumps(row) for row in ROWS]
    headers = [
        ("content-type", arguments["TransformInput"]["ContentType"]),
        ("accept", arguments["TransformOutput"]["Accept"]),
    ]
    reply = run(ask(AsgiApp(service), path="/invocations", body="\n".join(lines).encode(), headers=headers))
    service.stop()
    assert reply.status == 200, reply.body
    answers = [json.loads(line) for line in reply.body.decode().splitlines()]
    assert len(answers) == len(ROWS)


def sagemaker() -> dict[str, Any]:
    tree = ast.parse(block("SageMaker batch transform", "python"))
    (call,) = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "create_transform_job"
    ]
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
