"""Agents call the model's tools with the SDK's client: over HTTP, and over standard input and output."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from tests.serve.clients import process

from seatrial.model import Release
from seatrial.serve.mcp.mcp_tools import ModelTools
from seatrial.serve.server_settings import Settings
from seatrial.serve.service import Service

Use = Callable[[Callable[[Client], Awaitable[Any]]], Any]
ROW = {"pclass": 2, "name": "Marsh, Miss. Ada", "sex": "female"}


@pytest.fixture(
    scope="module", params=["HTTP", "HTTP, of before 2026", "standard streams", "standard streams, of before 2026"]
)
def use(request: pytest.FixtureRequest, titanic_project: Path) -> Iterator[Use]:
    """A function that runs another one with a client of a real server, in the newest protocol or in an older one."""
    source = titanic_project / "src"
    mode = "legacy" if "before" in request.param else "auto"

    @contextmanager
    def connected(target: Any) -> Iterator[Use]:
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(Client(target, mode=mode)) as client,
        ):
            yield lambda function: portal.call(function, client)

    if request.param.startswith("HTTP"):
        with process(source, "--port", "0", "--mcp") as server:
            with connected(f"http://127.0.0.1:{server.started()}/mcp") as ask:
                yield ask
            assert server.stop() == 0
            assert "Traceback" not in "\n".join(server.lines)
    else:
        arguments = ["-m", "seatrial.serve.mcp", "titanic_model"]
        server = StdioServerParameters(command=sys.executable, args=arguments, env={"PYTHONPATH": str(source)})
        with connected(stdio_client(server)) as ask:
            yield ask


def call(use: Use, tool: str, arguments: Any) -> Any:
    return use(lambda client: client.call_tool(tool, arguments))


def text(result: Any) -> str:
    assert result.is_error
    [content] = result.content
    return str(content.text)


def test_the_tools_have_the_schema_of_the_release(use: Use, titanic: Release) -> None:
    tools = {tool.name: tool for tool in use(lambda client: client.list_tools()).tools}
    assert list(tools) == ["predict", "explain", "describe", "schema"]
    assert set(tools["predict"].input_schema["properties"]["rows"]["items"]["properties"]) == {
        c.name for c in titanic.columns
    }
    assert tools["explain"].input_schema["properties"]["row"]["additionalProperties"] is False
    assert all(tool.annotations.read_only_hint for tool in tools.values())


def test_predictions_are_those_of_the_release(use: Use, titanic: Release) -> None:
    rows = [ROW, {**ROW, "sex": "male", "age": 40.5}]
    result = call(use, "predict", {"rows": rows})
    expected = titanic.predict(rows)
    assert not result.is_error
    assert result.structured_content["predictions"] == [row["prediction"] for row in expected]
    assert result.structured_content["probabilities"] == [row["probabilities"] for row in expected]
    assert json.loads(result.content[0].text) == result.structured_content


def test_an_explanation_names_the_columns(use: Use) -> None:
    content = call(use, "explain", {"row": ROW}).structured_content
    assert {"sex", "pclass"} <= {each["column"] for each in content["explanation"]["contributions"]}


def test_the_model_and_its_rows_are_described(use: Use, titanic: Release) -> None:
    described = call(use, "describe", {}).structured_content
    assert (described["target"], described["classes"], "schema" in described) == ("survived", [0, 1], False)
    schema = call(use, "schema", None).structured_content
    assert schema["schema"] == titanic.json_schema
    assert not call(use, "predict", {"rows": [schema["example"], schema["typical"]]}).is_error


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("predict", {"rows": [ROW, {**ROW, "pclass": 7}]}, "row 1, column pclass: Input should be 1, 2 or 3 (literal_error)"),
        ("predict", {"rows": [{**ROW, "agee": 7}]}, "row 0, column agee: "),
        ("predict", {"rows": [ROW] * 10_001}, "at most 10000 items"),
        ("predict", {"rows": "all"}, "(model_type)"),
        ("predict", {"rows": [ROW], "row": ROW}, "Unknown argument 'row'; the tool takes rows."),
        ("predict", {}, "The argument 'rows' is missing."),
        ("explain", {"row": {**ROW, "age": -1}}, "column age: "),
        ("explain", {"row": []}, ""),
        ("describe", {"all": True}, "Unknown argument 'all'; the tool takes none."),
    ],
)  # fmt: skip
def test_an_error_says_what_to_do_better(use: Use, tool: str, arguments: Any, message: str) -> None:
    assert message in text(call(use, tool, arguments))


def test_an_unknown_tool_is_an_error_of_the_protocol(use: Use) -> None:
    async def ask(client: Client) -> str:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("train", {})
        return str(caught.value)

    assert "Unknown tool; there are predict, explain, describe, schema." in use(ask)


def test_many_calls_at_once_get_their_own_answers(use: Use, titanic: Release) -> None:
    ages = list(range(1, 41))

    async def all_at_once(client: Client) -> list[Any]:
        return await asyncio.gather(*(client.call_tool("predict", {"rows": [{**ROW, "age": age}]}) for age in ages))

    found = [result.structured_content["probabilities"][0] for result in use(all_at_once)]
    assert found == [row["probabilities"] for row in titanic.predict([{**ROW, "age": age} for age in ages])]


def test_what_the_project_prints_does_not_disturb_the_protocol(
    small_root: Path, binary: Release, tmp_path: Path
) -> None:
    import shutil

    shutil.copytree(small_root / "small_binary", tmp_path / "small_binary")
    features = tmp_path / "small_binary" / "features.py"
    features.write_text(
        'print("loaded")\n' + features.read_text().replace("    return len", '    print("called")\n    return len')
    )

    async def main() -> Any:
        arguments = ["-m", "seatrial.serve.mcp", "small_binary"]
        server = StdioServerParameters(command=sys.executable, args=arguments, env={"PYTHONPATH": str(tmp_path)})
        async with Client(stdio_client(server)) as client:
            return await client.call_tool("predict", {"rows": [{"size": 1, "kind": "a", "note": "n"}]})

    assert asyncio.run(main()).structured_content["release"] == "small-binary"


def test_schemas_with_references_are_whole(multiclass: Release) -> None:
    """What a row's schema refers to is at the root, where references begin."""
    service = Service(multiclass, Settings())

    class Referring:
        @staticmethod
        def model_json_schema() -> dict[str, Any]:
            return {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}}

    service.load()
    tools = ModelTools(service)
    service.release = type("Other", (), {"schema": Referring})()  # type: ignore[assignment]
    schema = tools._arguments("rows", many=True)
    assert schema["$defs"] == {"A": {"type": "string"}}
    assert "$defs" not in schema["properties"]["rows"]["items"]
    service.stop()
