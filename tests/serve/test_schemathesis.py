"""Schemathesis over all doors: no error of the server's own, no answer that the OpenAPI document does not have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.serve.clients import process

from seatrial.core.access_keys import SCOPES, make_key, render_keys

ROOT = Path(__file__).parents[2]
SECONDS = 600
# What it checks besides is the other way round, and says less than it seems: that each body that the document allows is
# accepted (a whole number beyond 2**53 is not), and that each other one is refused with a status of its own list.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


@pytest.mark.soak
def test_no_answer_breaks_the_document(titanic_project: Path, tmp_path: Path) -> None:
    key, secret = make_key("schemathesis", list(SCOPES))
    environment = {"SEATRIAL_KEYS": render_keys([key]), "SEATRIAL_LOG": str(tmp_path)}
    with process(titanic_project / "src", "--port", "0", "--log-format", "json", **environment) as server:
        url = f"http://127.0.0.1:{server.started()}/openapi.json"
        command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--max-time", str(SECONDS)]
        command += ["--checks", ",".join(CHECKS), "--suppress-health-check", "all", "-H", f"X-API-Key: {secret}"]
        hooks = {"SCHEMATHESIS_HOOKS": "tests.serve.schemathesis_hooks", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, env={**os.environ, **hooks}, capture_output=True, text=True, timeout=2 * SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout[-10_000:] + done.stderr
        statuses = [line["status"] for line in server.documents() if "status" in line]
        assert len(statuses) > 1_000
        assert [status for status in statuses if status >= 500] == []
