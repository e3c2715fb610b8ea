"""Validates rows from JSON: one row, a list of rows, or {"inputs": [...]}; errors have the form of an HTTP 422."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter, ValidationError, create_model
from pydantic_core import from_json

from seatrial.model.repeated_keys import repeated_key
from seatrial.model.row_slices import SLICE, SPACE, rows_within, slices
from seatrial.model.schema import columns_of, field_validators

ROW_LIMIT = 10_000  # rows in one body, by default
ERRORS_SHOWN = 100
CAUSES_SHOWN = 5  # in the text of an error
# An error takes microseconds to create, and a megabyte of "[{},{},..." contains a million of them: a body that may have
# more than this many is validated only up to its first bad row.
ERRORS_MADE = 5_000
MOST_NESTED = 1_000  # lists, or objects that are not rows, in a body
MOST_UNKNOWN_KEYS = 1_000  # unknown columns of one row that are reported one by one

_BRACKETS = (b"[", b"{")
_LIST = re.compile(rb"\s*\[")
_WRAPPED = re.compile(rb"\s*\{\s*\"inputs\"\s*:")
_WRAPPED_LIST = re.compile(_WRAPPED.pattern + rb"\s*\[")

Place = tuple[str | int, ...]
RowType = TypeVar("RowType", bound=BaseModel)


class RowError(ValueError):
    """Invalid rows; each of `errors` has `type`, `loc` and `msg`, like the `detail` of FastAPI's 422.

    The input itself is left out: it cannot always be encoded (NaN, lone surrogates), and it may be personal data.
    """

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(_grouped(errors))
        self.errors = errors


def _grouped(errors: list[dict[str, Any]]) -> str:
    """Say the first place of each cause, and in how many more it is."""
    places: dict[tuple[Any, ...], list[str]] = {}
    for error in errors:
        column = tuple(part for part in error["loc"] if isinstance(part, str))
        places.setdefault((column, error["msg"]), []).append(".".join(map(str, error["loc"])))
    causes = [
        f"{found[0]}: {msg}" + (f" (and in {len(found) - 1} more rows)" if len(found) > 1 else "")
        for (_, msg), found in places.items()
    ]
    return "; ".join(causes[:CAUSES_SHOWN])


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
        """Validate a JSON body. Raises RowError with locations below "body"."""
        small = len(body) <= ERRORS_MADE
        listed, wrapped = (self._listed, self._wrapped) if small or self._all_errors(body) else self._failing_fast
        rows: list[RowType]
        keys = 0
        try:
            start = 0 if body[:1] in _BRACKETS else _first(body)
            if _LIST.match(body, start):
                rows = listed.validate_json(body)
            elif _WRAPPED.match(body, start) and not self._has_inputs:
                rows, keys = wrapped.validate_json(body).inputs, 1
            else:
                rows = [self._one.validate_json(body)]
        except ValidationError as error:
            raise RowError(self._errors(_parts(error), ("body",))) from None
        self._reject_repeated(body, rows, keys)
        return rows

    def _reject_repeated(
        self, body: bytes, rows: list[RowType], keys: int = 0, place: Place = (), first: int = 0
    ) -> None:
        """Reject rows in which a key stands twice; `keys` are around them, and `first` is the number of the first."""
        if not self._changes_keys:
            for row in rows:
                keys += len(row.__pydantic_fields_set__)
            if body.count(b":") == keys:
                return
        if (found := repeated_key(body, -1)) is not None:
            where = (found[0] + first, *found[1:]) if isinstance(found[0], int) else found
            raise RowError([repeated_key_error("body", *place, *where)])

    def parse_slices(self, body: bytes) -> Iterator[tuple[int, list[RowType]]]:
        """Validate a JSON body as `parse` does, a few rows at a time. Raises its RowError, maybe after some rows.

        Each list comes with the place of its first row. If that is not the next one, they replace what came before.
        """
        start = _first(body)
        found = _LIST.match(body, start) or (None if self._has_inputs else _WRAPPED_LIST.match(body, start))
        wrapped = found is not None and found.re is _WRAPPED_LIST
        rows = rows_within(body, found.end(), wrapped=wrapped) if found else None
        if rows is None or len(rows) <= SLICE:
            yield 0, self.parse(body)
            return
        place = ("body", "inputs") if wrapped else ("body",)
        every = self._all_errors(body)
        validator = (self._listed if every else self._failing_fast[0]).validate_json
        count, errors = 0, []
        for piece in slices(rows):
            try:
                valid = validator(piece)
            except ValidationError as error:
                parts = _parts(error)
                if not all(part["loc"] for part in parts):  # it is not the JSON of rows, or too long
                    yield 0, self.parse(body)
                    return
                errors += [{**part, "loc": (count + part["loc"][0], *part["loc"][1:])} for part in parts]
                if not every:
                    break
                valid = from_json(piece)
            if not errors:
                self._reject_repeated(piece, valid, 0, place[1:], count)
            if count + len(valid) > self._limit:
                self._reject_long(body, wrapped=wrapped)
            if not errors:
                yield count, valid
            count += len(valid)
        if errors:
            raise RowError(self._errors(errors, place))

    def parse_lines(self, lines: Sequence[bytes]) -> tuple[list[RowType | None], dict[int, list[dict[str, Any]]]]:
        """Validate lines, each of which must be the JSON of one row, without space around it.

        Returns a row for each line, None for an invalid one, and the errors of these by their number, with locations
        below "body".
        """
        rows: list[RowType | None] = []
        errors: dict[int, list[dict[str, Any]]] = {}
        for some in _some_lines(lines):
            valid = self._valid_lines(some)
            if valid is not None:
                rows += valid
                continue
            for line in some:
                try:
                    rows.append(self._line(line))
                except RowError as error:
                    errors[len(rows)] = error.errors
                    rows.append(None)
        return rows, errors

    def _valid_lines(self, lines: list[bytes]) -> list[RowType] | None:
        """Validate lines together, which is faster; None if one of them is invalid."""
        if self._nested or not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
            return None
        body = b"[%b]" % b",\n".join(lines)  # no string in JSON goes on in another line
        try:
            rows: list[RowType] = self._failing_fast[0].validate_json(body)
            if len(rows) == len(lines):
                self._reject_repeated(body, rows)
                return rows
        except (ValidationError, RowError):
            pass
        return None

    def _line(self, line: bytes) -> RowType:
        if line[:1] != b"{":
            raise RowError([_error("dict_type", ("body",), "Each line should be a JSON object")])
        if len(line) > ERRORS_MADE and not self._all_errors(line):
            self._look_at_rows(line)
        try:
            row: RowType = self._one.validate_json(line)
            self._reject_repeated(line, [row])
        except ValidationError as error:
            raise RowError(self._errors(_parts(error), ("body",))) from None
        return row

    @cached_property
    def _nested(self) -> bool:
        """Whether a value may be a list or an object."""
        return any(column.kind == "other" for column in columns_of(self._schema))

    def _reject_long(self, body: bytes, *, wrapped: bool) -> None:
        """Raise the error of too many rows, without validating them."""
        try:
            _validators(Annotated[list[Any], Field(max_length=self._limit)])[wrapped].validate_json(body)
        except ValidationError as error:
            raise RowError(self._errors(_parts(error), ("body",))) from None

    def _all_errors(self, body: bytes) -> bool:
        """Whether all errors of a body can be reported without the time growing with their number."""
        if len(body) <= ERRORS_MADE:
            return True
        self._reject_nested(body)
        objects, names = body.count(b"{") + 1, len(self._names)
        if body.count(b'":') > 2 * objects * names + MOST_UNKNOWN_KEYS:
            self._look_at_rows(body)
        return objects * names + body.count(b",") // names <= ERRORS_MADE

    def _reject_nested(self, body: bytes) -> None:
        """Reject lists and objects in rows whose columns take none: the validator needs long for a large one."""
        if self._nested:
            return
        start = _first(body)
        listed = bool(_LIST.match(body, start) or _WRAPPED_LIST.match(body, start))
        lists, objects = body.count(b"["), body.count(b"{")
        if lists > MOST_NESTED and (lists := without_texts(body).count(b"[")) > MOST_NESTED:
            raise RowError([_error("list_type", ("body",), f"{lists:,} lists; no column takes a list")])
        if lists > listed or (objects > 1 and not listed):
            most = self._limit * listed + MOST_NESTED
            if objects > most and (objects := without_texts(body).count(b"{")) > most:
                raise RowError([_error("dict_type", ("body",), f"{objects:,} objects; no column takes an object")])
            self._look_at_rows(body)

    def _look_at_rows(self, body: bytes) -> None:
        """Reject rows with thousands of unknown columns, or with lists or objects, without an error for each."""
        try:
            document = from_json(body)
        except ValueError:
            return  # the validator reports what is wrong
        wrapped = isinstance(document, dict) and isinstance(document.get("inputs"), list) and not self._has_inputs
        place: tuple[Any, ...] = ("body", "inputs") if wrapped else ("body",)
        parts, others = 0, self._nested
        if wrapped:
            parts = check_values({name: value for name, value in document.items() if name != "inputs"}, parts, "body")
            document = document["inputs"]
        if not isinstance(document, list):
            document, place = [document], ()
        for number, row in enumerate(document[: self._limit]):
            if isinstance(row, dict):
                check_width(len(row), self._names)
                parts = 0 if others else check_values(row, parts, *place, *([number] if place else ["body"]))

    @cached_property
    def _changes_keys(self) -> bool:
        """Whether the schema's own code may set fields that a row does not have."""
        own = self._schema.__pydantic_decorators__
        return bool(own.model_validators or own.root_validators or self._schema.__pydantic_post_init__)

    @cached_property
    def _failing_fast(self) -> tuple[Any, Any]:
        schema: Any = self._schema
        return _validators(Annotated[list[schema], Field(max_length=self._limit), FailFast()])

    def check(self, rows: list[Any]) -> list[RowType]:
        """Validate Python rows, as `predict([{...}])` receives them; a date may be given as text, as in JSON.

        Raises RowError.
        """
        if self._dates:
            rows = [self._with_dates(row) if isinstance(row, dict) else row for row in rows]
        try:
            return self._many.validate_python(rows)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise RowError(self._errors(_parts(error), ())) from None

    @cached_property
    def _dates(self) -> dict[str, Any]:
        """The validators of columns that JSON can only represent as text."""
        validators = field_validators(self._schema)
        return {c.name: validators[c.name] for c in columns_of(self._schema) if c.kind == "other"}

    def _with_dates(self, row: dict[str, Any]) -> dict[str, Any]:
        texts = {name: row[name] for name in self._dates if isinstance(row.get(name), str)}
        for name, text in texts.items():
            try:
                row = {**row, name: self._dates[name].validate_json(json.dumps(text))}
            except ValidationError:
                continue  # it is reported with the row's other errors
        return row

    def _errors(self, parts: list[Any], place: tuple[str, ...]) -> list[dict[str, Any]]:
        errors = [_error(part["type"], (*place, *part["loc"]), self._message(part)) for part in parts[:ERRORS_SHOWN]]
        if len(parts) > ERRORS_SHOWN:
            more = f"{len(parts):,} errors; these are the first {ERRORS_SHOWN}"
            errors.append(_error("too_many_errors", place, more))
        return errors

    def _message(self, part: Any) -> str:
        message: str = part["msg"]
        if part["type"] == "extra_forbidden":
            message = f"{message}: {_hint(str(part['loc'][-1]), self._names)}"
        return message


def check_width(count: int, names: Sequence[str]) -> None:
    """Raise RowError for a row with thousands of unknown columns, without an error for each."""
    if count > len(names) + MOST_UNKNOWN_KEYS:
        message = f"{count:,} columns; known: {', '.join(names)}"
        raise RowError([_error("extra_forbidden", ("body",), message)])


def parts_of(value: Any, most: int) -> int:
    """Count the parts of a list or an object and of all within it, up to `most` and some more."""
    nested, count = [value], 0
    while nested:
        part = nested.pop()
        count += len(part)
        if count > most:
            break
        nested += [each for each in (part.values() if type(part) is dict else part) if type(each) in (list, dict)]
    return count


def check_values(row: dict[str, Any], parts: int, *place: Any) -> int:
    """Count the parts of lists and objects in a row, after so many `parts`. Raises RowError for one too many."""
    for name, value in row.items():
        if type(value) in (list, dict):
            parts += parts_of(value, MOST_NESTED)
            if parts > MOST_NESTED:
                kind = "list" if type(value) is list else "object"
                raise RowError([_error(f"{kind}_type", (*place, name), f"A {kind} with too many parts")])
    return parts


def without_texts(body: bytes) -> bytes:
    """What is left of JSON without the texts in it, for counting signs."""
    return b"".join(body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])


def _first(body: bytes) -> int:
    """The place of the first character that is not space; to find it by a regular expression takes milliseconds."""
    return 0 if body[:1] in (b"[", b"{") else len(body) - len(body.lstrip(SPACE))


def _parts(error: ValidationError) -> list[Any]:
    return error.errors(include_url=False, include_context=False, include_input=False)


def _validators(listed: Any) -> tuple[Any, Any]:
    """Return the validators of a list and of {"inputs": [...]}."""
    wrapped: Any = create_model("Inputs", __config__=ConfigDict(extra="forbid"), inputs=(listed, ...))
    return TypeAdapter(listed).validator, wrapped.__pydantic_validator__


def _error(kind: str, place: tuple[Any, ...], message: str) -> dict[str, Any]:
    loc = [part if isinstance(part, int) else encodable(part) for part in place]
    return {"type": kind, "loc": loc, "msg": message}


def unknown_column(name: str, known: Sequence[str]) -> dict[str, Any]:
    """The error of a column that the schema does not have."""
    message = f"Extra inputs are not permitted: {_hint(name, known)}"
    return _error("extra_forbidden", ("body", name), message)


def _hint(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name[:100], known, 1)
    return f"did you mean `{near[0]}`?" if near else f"known: {', '.join(known)}"


def _some_lines(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Group lines into some kilobytes, which are validated in a millisecond."""
    some: list[bytes] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line)
        if size >= SLICE:
            yield some
            some, size = [], 0
    if some:
        yield some


def repeated_key_error(*place: int | str) -> dict[str, Any]:
    """The error of a key that stands twice in one object; the place ends with it."""
    return _error("repeated_key", place, "The key is there twice")


def encodable(name: str) -> str:
    """Return a caller's column name as text that can be encoded, cut to a useful length."""
    return name[:100].encode("utf-8", "replace").decode()
