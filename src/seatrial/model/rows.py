"""Reads rows from JSON: one row, a list of rows, or {"inputs": [...]}; errors come ready for an HTTP 422."""

import difflib
import re
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

_LIST = re.compile(rb"\s*\[")
_WRAPPED = re.compile(rb"\s*\{\s*\"inputs\"\s*:")

RowType = TypeVar("RowType", bound=BaseModel)


class RowErrors(ValueError):
    """What is wrong with the rows; `errors` has `type`, `loc` and `msg` each, as FastAPI's 422 `detail`.

    The input itself is left out: it cannot always be encoded (NaN, lone surrogates), and it is people's data.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors[:5]))
        self.errors = errors


class RowParser(Generic[RowType]):
    """Validates JSON bodies and Python rows by one schema class."""

    def __init__(self, schema: type[RowType]) -> None:
        self._names = list(schema.model_fields)
        self._one = schema.__pydantic_validator__
        self._many = TypeAdapter(list[schema]).validator  # type: ignore[valid-type]
        wrapped: Any = create_model("Inputs", __config__=ConfigDict(extra="forbid"), inputs=(list[schema], ...))  # type: ignore[valid-type]
        self._wrapped = wrapped.__pydantic_validator__
        self._has_inputs = "inputs" in self._names

    def parse(self, body: bytes) -> list[RowType]:
        """Validate a JSON body. Raises RowErrors with places below "body"."""
        try:
            if _LIST.match(body):
                return self._many.validate_json(body)  # type: ignore[no-any-return]
            if _WRAPPED.match(body) and not self._has_inputs:
                return self._wrapped.validate_json(body).inputs  # type: ignore[no-any-return]
            return [self._one.validate_json(body)]
        except ValidationError as error:
            raise RowErrors(self._errors(error, ("body",))) from None

    def check(self, rows: list[Any]) -> list[RowType]:
        """Validate Python rows, as they come from `predict([{...}])`. Raises RowErrors."""
        try:
            return self._many.validate_python(rows)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise RowErrors(self._errors(error, ())) from None

    def _errors(self, error: ValidationError, place: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            _error(part["type"], (*place, *part["loc"]), self._message(part))
            for part in error.errors(include_url=False, include_context=False, include_input=False)
        ]

    def _message(self, part: Any) -> str:
        message: str = part["msg"]
        if part["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(part["loc"][-1]), self._names, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(self._names)}"
            message = f"{message}: {hint}"
        return message


def _error(kind: str, place: tuple[Any, ...], message: str) -> dict[str, Any]:
    loc = [part if isinstance(part, int) else str(part).encode("utf-8", "replace").decode() for part in place]
    return {"type": kind, "loc": loc, "msg": message}
