"""The schema: the one Pydantic class that defines a row, in training, in the trial and in the server.

`Schema` is its base class, a strict BaseModel: no unknown columns, no NaN, no `true` for a number. `columns_of` returns
the columns of the class, for tables, forms and generated rows.
"""

import inspect
import re
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from seatrial.core.errors import SeatrialError

Kind = Literal["integer", "number", "boolean", "category", "text", "other"]
# Of numbers without bounds of their own, by core schema: a double represents no integer beyond the first exactly, and
# the square of a number beyond the second overflows.
LIMITS: dict[str, float] = {"int": 2**53, "float": 1e150}
# What a text of each type must contain: of digits alone, as 20240131, 45292 or 2024, Pydantic makes seconds since 1970.
_MOMENTS = {"date": r"^\d{4}-\d\d-", "datetime": r"^\d{4}-\d\d-", "time": r"\d:\d", "timedelta": r"[A-Za-z:]"}
_EXAMPLES = {"date": "2024-01-31", "datetime": "2024-01-31T10:30:00", "time": "10:30:00", "timedelta": "P1DT2H"}
_CORE_TYPES = {"integer": "int", "number": "float"}


def _fields(schema: Any) -> dict[str, Any]:
    """Find the fields in a model's core schema, beneath the wrappers that validators put around it."""
    while schema.get("type") != "model-fields":
        schema = schema["schema"]
    fields: dict[str, Any] = schema["fields"]
    return fields


def _strict(schema: Any) -> Any:
    """Add the rules that all columns share to a field's core schema."""
    kind = schema["type"]
    if kind == "literal" and all(type(value) is int for value in schema["expected"]):
        return core_schema.no_info_before_validator_function(_only_integers, schema)
    if kind == "function-before" and schema["function"]["function"] is _only_integers:
        return schema
    if kind in _MOMENTS:
        return core_schema.json_or_python_schema(_from_text(schema), schema)
    if kind == "json-or-python" and schema["python_schema"]["type"] in _MOMENTS:
        return schema
    if kind == "str":
        return {"min_length": 0, **schema}  # with any limit, Pydantic refuses surrogates, which are not Unicode text
    if kind in LIMITS:
        low, high = {"gt", "ge"} & set(schema), {"lt", "le"} & set(schema)
        limit = LIMITS[kind]
        bounded = {**schema, **({} if low else {"ge": -limit}), **({} if high else {"le": limit})}
        return bounded if kind == "float" else core_schema.chain_schema([_WHOLE, bounded])
    if kind == "chain" and schema["steps"][0] is _WHOLE:
        return schema
    if kind == "union":
        kinds = {choice["type"] for choice in schema["choices"] if isinstance(choice, dict)}
        plain = "string_type" if "str" in kinds else "int_type" if "int" in kinds else ""
        error = {"custom_error_type": plain} if plain else {}  # one error for an open category, not one per choice
        return {**schema, "choices": [_strict(c) if isinstance(c, dict) else c for c in schema["choices"]], **error}
    if isinstance(schema.get("schema"), dict):
        return {**schema, "schema": _strict(schema["schema"])}
    return schema


# A whole number may be written as 3.0, as pandas does beside a missing value. It is all in Rust: a function in Python
# costs as much per value as the rest of the validation.
_WHOLE = core_schema.union_schema(
    [
        core_schema.int_schema(strict=True),
        core_schema.chain_schema([core_schema.float_schema(strict=True), core_schema.int_schema(strict=False)]),
    ],
    mode="left_to_right",
    custom_error_type="int_type",
)


def _from_text(schema: Any) -> CoreSchema:
    """The core schema of a date or time in JSON: a text in ISO format."""
    kind = schema["type"]
    text = core_schema.str_schema(strict=True, pattern=_MOMENTS[kind])
    message = f"Input should be in ISO format, as {_EXAMPLES[kind]}"
    named = core_schema.custom_error_schema(text, f"{kind}_format", custom_error_message=message)
    return core_schema.chain_schema([named, {**schema, "strict": False}])


def _without_wrappers(schema: Any) -> Any:
    """A core schema without what `_strict` added to texts, numbers and dates, for JSON Schema."""
    if isinstance(schema, list):
        return [_without_wrappers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "chain" and schema["steps"][0] == _WHOLE:
        return schema["steps"][1]
    if schema.get("type") == "json-or-python" and schema["python_schema"]["type"] in _MOMENTS:
        return schema["python_schema"]
    if schema.get("type") == "str" and schema.get("min_length") == 0:
        return {key: part for key, part in schema.items() if key != "min_length"}
    return {key: _without_wrappers(part) for key, part in schema.items()}


def _only_integers(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        return int(value)
    return value if type(value) is int else str(value)  # a string is not in a Literal of integers


class Schema(BaseModel):
    """Base of a project's schema: a misspelt column, NaN, or `true` for a number is an error, not a prediction."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let Pydantic build the schema, stop Literal[1, 2] from also accepting `true` and `1.0`, and set LIMITS."""
        schema = handler(source)
        for field in _fields(schema).values():
            field["schema"] = _strict(field["schema"])
        return schema

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Let Pydantic write the JSON Schema, without LIMITS, which say nothing about a column."""
        document = handler(_without_wrappers(schema))
        for part in handler.resolve_ref_schema(document).get("properties", {}).values():
            for option in part.get("anyOf", [part]):
                limit = LIMITS.get(_CORE_TYPES.get(option.get("type"), ""))
                if limit is not None and option.get("minimum") == -limit:
                    del option["minimum"]
                if limit is not None and option.get("maximum") == limit:
                    del option["maximum"]
        return document


@dataclass(frozen=True)
class Column:
    """One column of the schema, as forms, tables and generated rows need it.

    A category is `open` if it accepts other values than the `categories` that it lists: `Literal["a", "b"] | str`.
    """

    name: str
    kind: Kind
    nullable: bool
    required: bool
    default: Any = None
    categories: tuple[Any, ...] = ()
    open: bool = False
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    max_length: int | None = None
    title: str = ""
    description: str = ""
    unit: str = ""
    example: Any = None

    @cached_property
    def numeric(self) -> bool:
        """Whether its values are stored as float64 with NaN for missing; otherwise as objects with None."""
        if self.kind == "category":
            return all(not isinstance(value, str) for value in self.categories)
        return self.kind in ("integer", "number", "boolean")

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest number that is accepted."""
        limit = LIMITS["int" if self.kind == "integer" else "float"]
        return -limit if self.minimum is None else self.minimum, limit if self.maximum is None else self.maximum


def columns_of(schema: type[BaseModel]) -> tuple[Column, ...]:
    """Return the columns of a schema class, in its order."""
    document = schema.model_json_schema()
    required = set(document.get("required", ()))
    definitions = document.get("$defs", {})
    return tuple(
        _column(name, part, definitions, schema, required=name in required)
        for name, part in document["properties"].items()
    )


def _column(
    name: str, part: dict[str, Any], definitions: dict[str, Any], schema: type[BaseModel], *, required: bool
) -> Column:
    options = [_resolved(option, definitions) for option in part.get("anyOf", [part])]
    plain = [option for option in options if option.get("type") != "null"]
    listed = [option for option in plain if _kind(option) == "category"]
    is_open = len(plain) == 2 and len(listed) == 1 and {"type": listed[0].get("type")} in plain
    if is_open:
        plain, options = listed, [option for option in options if option in listed or option.get("type") == "null"]
    if len(plain) != 1:
        raise SeatrialError(
            f"{schema.__name__}.{name} mixes {len(plain)} types.",
            hint="Give the column one type, with `| None` where it may be missing.",
        )
    value = plain[0]
    low = value.get("minimum", value.get("exclusiveMinimum"))
    high = value.get("maximum", value.get("exclusiveMaximum"))
    field = schema.model_fields[name]
    return Column(
        name=name,
        kind=_kind(value),
        nullable=len(options) > len(plain),
        required=required,
        default=None if required else field.get_default(call_default_factory=True, validated_data={}),
        categories=tuple(value.get("enum", [value["const"]] if "const" in value else ())),
        open=is_open,
        minimum=low,
        maximum=high,
        exclusive_minimum="exclusiveMinimum" in value,
        exclusive_maximum="exclusiveMaximum" in value,
        max_length=value.get("maxLength"),
        title=field.title or name.replace("_", " ").capitalize(),
        description=field.description or "",
        unit=str(part.get("unit", "")),
        example=(field.examples or [None])[0],
    )


def _resolved(option: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference = option.get("$ref", "")
    return {**definitions[reference.rsplit("/", 1)[1]], **option} if reference else option


def _kind(value: dict[str, Any]) -> Kind:
    if "enum" in value or "const" in value:
        return "category"
    if value.get("type") == "string":
        return "other" if "format" in value else "text"
    kinds: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
    return kinds.get(str(value.get("type")), "other")


def row_name(schema: type[BaseModel]) -> str:
    """Derive a noun for a row from the class's name: HouseSale -> house sale; Row and similar names -> row.

    So does a plural, as Loans, and a name that is only the project's: Churn in churn_model.
    """
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", schema.__name__)
    while words and words[-1].lower() in {"row", "schema", "input", "inputs", "record", "model", "data", "features"}:
        words.pop()
    project = schema.__module__.partition(".")[0].removesuffix("_model").replace("_", "")
    if schema.__name__.lower() == project or (words and re.search("(?<![siu])s$", words[-1].lower())):
        return "row"
    return " ".join(word if len(word) > 1 and word.isupper() else word.lower() for word in words) or "row"


def schema_in(module: ModuleType) -> type[BaseModel]:
    """Find the one schema class that a project's schema.py defines."""
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, BaseModel) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = ", ".join(c.__name__ for c in classes) or "none"
        raise SeatrialError(
            f"{module.__name__} must define exactly one schema class; it defines: {names}.",
            hint="Keep one subclass of seatrial.Schema there, and import helpers from another module.",
        )
    if not issubclass(classes[0], Schema):
        raise SeatrialError(
            f"{module.__name__}.{classes[0].__name__} is a plain BaseModel, which ignores misspelt columns.",
            hint="Derive it from seatrial.Schema.",
        )
    return classes[0]


def field_validators(schema: type[BaseModel]) -> dict[str, SchemaValidator]:
    """Return a validator for each single column, with its rules in the class."""
    document: Any = schema.__pydantic_core_schema__
    shared = document.get("definitions", [])
    config = core_schema.CoreConfig(strict=True, allow_inf_nan=False)
    return {
        name: SchemaValidator(
            core_schema.definitions_schema(field["schema"], shared) if shared else field["schema"], config
        )
        for name, field in _fields(document).items()
    }


def spans_columns(schema: type[BaseModel]) -> bool:
    """Whether the schema has rules across columns, so that whole rows must be checked too."""
    validators = schema.__pydantic_decorators__.model_validators
    for name, validator in validators.items():
        if validator.info.mode != "after":
            raise SeatrialError(
                f"{schema.__name__}.{name} is a model validator of mode {validator.info.mode!r}.",
                hint='Use mode="after": tables are checked column by column first.',
            )
    return bool(validators)


def plain_bounds(schema: type[BaseModel], name: str) -> bool:
    """Whether bounds are a numeric column's only rules, so that it can be checked as an array."""
    document: Any = schema.__pydantic_core_schema__
    part = _fields(document)[name]["schema"]
    while part["type"] in ("default", "nullable", "chain"):
        part = part["steps"][1] if part["type"] == "chain" else part["schema"]
    known = {"type", "ge", "gt", "le", "lt", "strict", "allow_inf_nan", "metadata", "ref"}
    return part["type"] in ("float", "int") and set(part) <= known
