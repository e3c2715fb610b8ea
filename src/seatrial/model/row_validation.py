"""Reads rows from JSON: one row, a list of rows, or {"inputs": [...]}; errors come ready for an HTTP 422."""

import difflib
import re
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json

from seatrial.model.schema import columns_of, field_validators

ROW_LIMIT = 10_000  # rows in one body, unless a caller says otherwise
ERRORS_SHOWN = 100
# An error takes microseconds to make, and a megabyte of "[{},{},..." holds a million of them: where a body could hold
# more than this many, it is validated up to its first bad row only.
ERRORS_MADE = 5_000
KEYS_BEYOND = 1_000  # unknown columns of one row that are worth naming

_LIST = re.compile(rb"\s*\[")
_WRAPPED = re.compile(rb"\s*\{\s*\"inputs\"\s*:")

RowType = TypeVar("RowType", bound=BaseModel)


class RowError(ValueError):
    """What is wrong with the rows; `errors` has `type`, `loc` and `msg` each, as FastAPI's 422 `detail`.

    The input itself is left out: it cannot always be encoded (NaN, lone surrogates), and it is people's data.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors[:5]))
        self.errors = errors


class RowParser(Generic[RowType]):
    """Validates JSON bodies of up to `limit` rows, and Python rows, by one schema class."""

    def __init__(self, schema: type[RowType], *, limit: int = ROW_LIMIT) -> None:
        self._schema = schema
        self._limit = limit
        self._names = list(schema.model_fields)
        self._one = schema.__pydantic_validator__
        self._many = TypeAdapter(list[schema]).validator  # type: ignore[valid-type]
        limited: Any = Annotated[list[schema], Field(max_length=limit)]  # type: ignore[valid-type]
        self._listed, self._wrapped = _validators(limited)
        self._has_inputs = "inputs" in self._names

    def parse(self, body: bytes) -> list[RowType]:
        """Validate a JSON body. Raises RowError with places below "body"."""
        listed, wrapped = (self._listed, self._wrapped) if self._all_errors(body) else self._failing_fast
        try:
            if _LIST.match(body):
                return listed.validate_json(body)  # type: ignore[no-any-return]
            if _WRAPPED.match(body) and not self._has_inputs:
                return wrapped.validate_json(body).inputs  # type: ignore[no-any-return]
            return [self._one.validate_json(body)]
        except ValidationError as error:
            raise RowError(self._errors(error, ("body",))) from None

    def _all_errors(self, body: bytes) -> bool:
        """Whether all errors of a body can be told: it must not take longer the more there are."""
        if len(body) <= ERRORS_MADE:
            return True
        objects, names = body.count(b"{") + 1, len(self._names)
        if body.count(b'":') > 2 * objects * names + KEYS_BEYOND:
            self._refuse_wide(body)
        return objects * names + body.count(b",") // names <= ERRORS_MADE

    def _refuse_wide(self, body: bytes) -> None:
        """Refuse a row with thousands of columns that nobody knows, without an error for each."""
        try:
            document = from_json(body)
        except ValueError:
            return  # what is wrong with it, the validator says
        if isinstance(document, dict) and isinstance(document.get("inputs"), list) and not self._has_inputs:
            document = document["inputs"]
        for row in document if isinstance(document, list) else [document]:
            if isinstance(row, dict) and len(row) > len(self._names) + KEYS_BEYOND:
                told = f"{len(row):,} columns; known: {', '.join(self._names)}"
                raise RowError([_error("extra_forbidden", ("body",), told)])

    @cached_property
    def _failing_fast(self) -> tuple[Any, Any]:
        schema: Any = self._schema
        return _validators(Annotated[list[schema], Field(max_length=self._limit), FailFast()])

    def check(self, rows: list[Any]) -> list[RowType]:
        """Validate Python rows, as they come from `predict([{...}])`; a date may be its text, as in JSON.

        Raises RowError.
        """
        if self._dates:
            rows = [self._dated(row) if isinstance(row, dict) else row for row in rows]
        try:
            return self._many.validate_python(rows)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise RowError(self._errors(error, ())) from None

    @cached_property
    def _dates(self) -> dict[str, Any]:
        """Validators of the columns that JSON can only write as texts."""
        validators = field_validators(self._schema)
        return {c.name: validators[c.name] for c in columns_of(self._schema) if c.kind == "other"}

    def _dated(self, row: dict[str, Any]) -> dict[str, Any]:
        texts = {name: row[name] for name in self._dates if isinstance(row.get(name), str)}
        for name, text in texts.items():
            try:
                row = {**row, name: self._dates[name].validate_strings(text)}
            except ValidationError:
                continue  # what is wrong with it is told with all else of the row
        return row

    def _errors(self, error: ValidationError, place: tuple[str, ...]) -> list[dict[str, Any]]:
        parts = error.errors(include_url=False, include_context=False, include_input=False)
        told = [_error(part["type"], (*place, *part["loc"]), self._message(part)) for part in parts[:ERRORS_SHOWN]]
        if len(parts) > ERRORS_SHOWN:
            told.append(_error("too_many_errors", place, f"{len(parts):,} errors; these are the first {ERRORS_SHOWN}"))
        return told

    def _message(self, part: Any) -> str:
        message: str = part["msg"]
        if part["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(part["loc"][-1])[:100], self._names, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(self._names)}"
            message = f"{message}: {hint}"
        return message


def _validators(listed: Any) -> tuple[Any, Any]:
    """Make the validators of a list and of {"inputs": [...]}."""
    wrapped: Any = create_model("Inputs", __config__=ConfigDict(extra="forbid"), inputs=(listed, ...))
    return TypeAdapter(listed).validator, wrapped.__pydantic_validator__


def _error(kind: str, place: tuple[Any, ...], message: str) -> dict[str, Any]:
    loc = [part if isinstance(part, int) else _plain(part) for part in place]
    return {"type": kind, "loc": loc, "msg": message}


def _plain(name: str) -> str:
    """Give a caller's own column name as text that can be encoded, and no more of it than helps."""
    return name[:100].encode("utf-8", "replace").decode()
