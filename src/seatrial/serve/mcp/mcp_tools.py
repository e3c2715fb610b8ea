"""The tools that agents call: predict, explain, describe, schema. What they do is done by the service."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, ListToolsResult, TextContent, Tool, ToolAnnotations

from seatrial.http.messages import EncodedResponse, request_id, to_bytes
from seatrial.serve import openapi
from seatrial.serve.doors.door import reason
from seatrial.serve.exchanges import Exchange
from seatrial.serve.routes import EXPLAIN_SCOPE, PREDICT_SCOPE
from seatrial.serve.service import Service

EXCHANGE = "exchange"  # in the state of an HTTP request: its Exchange

_READ_ONLY = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}

Answer = Callable[[Any, Exchange], Awaitable[EncodedResponse]]


@dataclass(frozen=True)
class ModelTool:
    """A tool as clients see it, the scope that a caller's key needs, and what answers its arguments."""

    shown: Tool
    scope: str
    answer: Answer


class ModelTools:
    """The tools of one service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        release = service.release
        about = f"{release.metadata.target} by the model {release.name} {release.version}"
        what = release.metadata.description
        prediction, explanation = openapi.prediction_schema(service), openapi.explanation_schema(service)
        self._tools = {
            "predict": ModelTool(
                Tool(
                    name="predict",
                    title=f"Predict with {release.name}",
                    description=f"Predict {about}, for one row or several. {what}".strip(),
                    input_schema=self._arguments("rows", many=True),
                    output_schema=prediction,
                    annotations=_READ_ONLY,
                ),
                PREDICT_SCOPE,
                self._predict,
            ),
            "explain": ModelTool(
                Tool(
                    name="explain",
                    title=f"Explain a prediction of {release.name}",
                    description=f"Predict {about}, for one row, with how much each value contributed.",
                    input_schema=self._arguments("row", many=False),
                    output_schema=explanation,
                    annotations=_READ_ONLY,
                ),
                EXPLAIN_SCOPE,
                self._explain,
            ),
            "describe": ModelTool(
                Tool(
                    name="describe",
                    title=f"Describe {release.name}",
                    description=f"What the model {release.name} predicts, how good it is, and its model card.",
                    input_schema=_NOTHING,
                    annotations=_READ_ONLY,
                ),
                PREDICT_SCOPE,
                self._describe,
            ),
            "schema": ModelTool(
                Tool(
                    name="schema",
                    title=f"The columns of {release.name}",
                    description="The JSON schema of a row, with a typical row and an example.",
                    input_schema=_NOTHING,
                    annotations=_READ_ONLY,
                ),
                PREDICT_SCOPE,
                self._schema,
            ),
        }

    def server(self) -> Server[Any]:
        """The server of the protocol; its transport is up to the caller."""
        release = self._service.release
        return Server(
            release.name,
            version=release.version,
            instructions=f"Tools that ask the model {release.name}. Call `schema` to learn what a row is.",
            on_list_tools=self._list,
            on_call_tool=self._call,
        )

    async def _list(self, _: Any, __: Any) -> ListToolsResult:
        return ListToolsResult(tools=[tool.shown for tool in self._tools.values()])

    async def _call(self, context: Any, params: Any) -> CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"Unknown tool; there are {', '.join(self._tools)}.")
        request, arguments = context.request, params.arguments or {}
        known = tool.shown.input_schema["properties"]
        if unknown := [name for name in arguments if name not in known]:
            return _error(f"Unknown argument {unknown[0][:100]!r}; the tool takes {' and '.join(known) or 'none'}.")
        if missing := [name for name in known if name not in arguments]:
            return _error(f"The argument {missing[0]!r} is missing.")
        headers = request.scope["headers"] if request else []
        if request and not self._service.access.has_scope(headers, tool.scope):
            return _error(f"The key does not have the scope {tool.scope}.")
        exchange = request.scope["state"][EXCHANGE] if request else Exchange(request_id([]), path=params.name)
        response = await tool.answer(arguments, exchange)
        if response.status != 200:
            return _error(reason(response))
        text = response.body.decode()
        return CallToolResult(content=[TextContent(text=text)], structured_content=json.loads(text))

    async def _predict(self, arguments: Any, exchange: Exchange) -> EncodedResponse:
        return await self._service.ask(_body(arguments["rows"]), exchange)

    async def _explain(self, arguments: Any, exchange: Exchange) -> EncodedResponse:
        return await self._service.ask(_body([arguments["row"]]), exchange, self._service.answer_explanation)

    async def _describe(self, _: Any, __: Exchange) -> EncodedResponse:
        facts = json.loads(self._service.model().body)
        return EncodedResponse(200, to_bytes({key: facts[key] for key in facts if key not in _OF_SCHEMA}))

    async def _schema(self, _: Any, __: Exchange) -> EncodedResponse:
        facts = json.loads(self._service.model().body)
        return EncodedResponse(200, to_bytes({key: facts[key] for key in _OF_SCHEMA}))

    def _arguments(self, name: str, *, many: bool) -> dict[str, Any]:
        """The schema of a tool's arguments; what the schema of a row refers to is at the root, as it expects."""
        row = self._service.release.schema.model_json_schema()
        shared = {"$defs": row.pop("$defs")} if "$defs" in row else {}
        limit = self._service.settings.row_limit
        value = {"type": "array", "items": row, "minItems": 1, "maxItems": limit} if many else row
        properties = {name: value}
        return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False, **shared}


_OF_SCHEMA = ("name", "version", "schema", "example", "typical")


def _body(document: Any) -> bytes:
    """A body for the service; NaN and lone surrogates, which it refuses, must reach it."""
    return json.dumps(document).encode()


def _error(text: str) -> CallToolResult:
    """What a model can read and do better."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
