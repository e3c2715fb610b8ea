"""Reads rows from JSON: one row, a list of rows, or {"inputs": [...]}; errors come ready for an HTTP 422."""

import difflib
import re
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError, create_model

ROW_LIMIT = 10_000  # rows in one body, unless a caller says otherwise
ERRORS_SHOWN = 100
# An error takes microseconds to read, and a megabyte of "[{},{},..." holds a million of them: beyond this many,
# only the first bad row is told.
ERRORS_READ = 2_000

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
        try:
            if _LIST.match(body):
                return self._listed.validate_json(body)  # type: ignore[no-any-return]
            if _WRAPPED.match(body) and not self._has_inputs:
                return self._wrapped.validate_json(body).inputs  # type: ignore[no-any-return]
            return [self._one.validate_json(body)]
        except ValidationError as error:
            raise RowError(self._of_body(error, body)) from None

    def _of_body(self, error: ValidationError, body: bytes) -> list[dict[str, Any]]:
        """Read a body's errors; how many there are must not decide how long that takes."""
        count = error.error_count()
        if count > ERRORS_READ:
            error = self._first_bad(body) or error
        if error.error_count() > ERRORS_READ:
            known = ", ".join(self._names)
            return [_error("too_many_errors", ("body",), f"{count} errors; known columns: {known}")]
        errors = self._errors(error, ("body",))
        if count > len(errors):
            told = f"{count} errors; these are the first {len(errors)}"
            errors.append(_error("too_many_errors", ("body",), told))
        return errors

    def _first_bad(self, body: bytes) -> ValidationError | None:
        listed, wrapped = self._failing_fast
        try:
            if _LIST.match(body):
                listed.validate_json(body)
            elif _WRAPPED.match(body) and not self._has_inputs:
                wrapped.validate_json(body)
        except ValidationError as error:
            return error
        return None

    @cached_property
    def _failing_fast(self) -> tuple[Any, Any]:
        schema: Any = self._schema
        return _validators(Annotated[list[schema], Field(max_length=self._limit), FailFast()])

    def check(self, rows: list[Any]) -> list[RowType]:
        """Validate Python rows, as they come from `predict([{...}])`. Raises RowError."""
        try:
            return self._many.validate_python(rows)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise RowError(self._errors(error, ())) from None

    def _errors(self, error: ValidationError, place: tuple[str, ...]) -> list[dict[str, Any]]:
        parts = error.errors(include_url=False, include_context=False, include_input=False)
        return [_error(part["type"], (*place, *part["loc"]), self._message(part)) for part in parts[:ERRORS_SHOWN]]

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
