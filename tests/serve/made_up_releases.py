"""Releases without a model, which is all that the prediction page needs, and a server that always answers the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import Field
from tests.serve.browsing import Visit, serving

from seatrial import Schema
from seatrial.model import Release
from seatrial.model.inputs import Inputs
from seatrial.model.metadata import Metadata
from seatrial.model.schema import columns_of
from seatrial.serve.page import add_page
from seatrial.serve.server_settings import Settings

NASTY = "<img src=x onerror=\"document.title='hacked'\"> & 'x' </form><script>document.title='hacked'</script>"
LONG = "How_satisfied_are_you_" * 8


def release_of(schema: type[Schema], **facts: Any) -> Release:
    """A release with only a schema and metadata, which is all that the page reads."""
    columns = columns_of(schema)
    example = {column.name: column.example for column in columns}
    known = {"name": "tiny-model", "task": "binary", "target": "target", "engine": "onnx", "classes": (0, 1)}
    inputs = Inputs(tuple(example), ())
    metadata = Metadata(**{**known, "inputs": inputs, "typical": example, "example": example, "positive": 1, **facts})
    release = Release("tiny_model")
    parts = {
        "version": "1.0.0",
        "metadata": metadata,
        "card": f"# x\n\n{NASTY}\n\n| {NASTY} |\n| --- |\n| `{NASTY}` |\n",
        "schema": schema,
        "features": (),
    }
    vars(release).update(parts)  # otherwise loaded on first use
    return release


@contextmanager
def fake_server(visited: Visit, release: Any, answer: dict[str, Any]) -> Iterator[Any]:
    """Serve the page of a release without a model; the response is always the same."""
    app = FastAPI(openapi_url=None)
    add_page(app, SimpleNamespace(release=release, settings=Settings()))  # type: ignore[arg-type]
    visited.page.route("**/explain", lambda route: route.fulfill(json=answer))
    with serving(app) as url:
        yield visited.open(url)


class IrisRow(Schema):
    """Everything that could break a page."""

    elements: float = Field(title=NASTY, description=NASTY, examples=[1.5], json_schema_extra={"unit": "<b>cm</b>"})
    submit: Literal["<i>", "b'\"&"] = Field(title=LONG, examples=["b'\"&"])
    flag: bool | None = Field(None, examples=[True])
    soil: Literal["sand", "clay", "loam", "peat", "chalk", "silt"] | None = Field(None, examples=["peat"])
    tags: list[int] = Field([], examples=[[1, 2]])
