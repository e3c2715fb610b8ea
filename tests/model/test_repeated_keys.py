"""Keys that stand twice in a JSON object: each is found, no valid text is refused."""

import json
import random
from typing import Any

import pytest
from pydantic import model_validator
from pydantic_core import from_json

from seatrial import Schema
from seatrial.model.repeated_keys import keys_in, repeated_key
from seatrial.model.row_validation import RowError, RowParser

SEED = 20261203


class Passenger(Schema):
    """A row."""

    name: str
    age: float = 0.0
    note: str | None = None


class Changing(Schema):
    """A row whose own code sets a field."""

    name: str
    age: float = 0.0

    @model_validator(mode="after")
    def fill(self) -> "Changing":
        self.__pydantic_fields_set__.add("age")
        return self


def written(value: Any, generator: random.Random, repeat: list[int]) -> str:
    """JSON with random space and escapes; where `repeat` counts down to 0, the key is written twice."""
    space = " " * generator.randrange(2)
    if isinstance(value, dict):
        parts = []
        for key, each in value.items():
            text = json.dumps(key) if generator.random() < 0.7 else '"' + "".join(f"\\u{ord(c):04x}" for c in key) + '"'
            parts.append(f"{text}{space}:{written(each, generator, repeat)}")
            repeat[0] -= 1
            if repeat[0] == 0:
                parts.append(f"{json.dumps(key)}:{space}null")
        return "{" + f",{space}".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(each, generator, repeat) for each in value) + "]"
    return json.dumps(value)


def document(generator: random.Random, depth: int = 0) -> Any:
    way = generator.randrange(5 if depth < 4 else 3)
    if way == 3:
        return {f"k{n}:": document(generator, depth + 1) for n in range(generator.randrange(4))}
    if way == 4:
        return [document(generator, depth + 1) for _ in range(generator.randrange(4))]
    return generator.choice([1, 1.5, None, True, "a:b", '":', "\\", "é", {"x": "y"}, [], [1, {"z": 1}]])


def test_each_repeated_key_is_found_and_no_other_text_is_refused() -> None:
    generator = random.Random(SEED)
    repeated = 0
    for _ in range(3_000):
        made = document(generator)
        plain = written(made, generator, [0]).encode()
        assert repeated_key(plain, keys_in(from_json(plain))) is None, (SEED, plain)
        count = json.dumps(made).count('": ')
        left = [generator.randrange(1, count + 1)] if count else [0]
        twice = written(made, generator, left).encode()
        if left[0] <= 0 < count:
            place = repeated_key(twice, keys_in(from_json(twice)))
            assert place, (SEED, twice)
            repeated += 1
    assert repeated > 500


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"name":"x","name":"y"}', ["body", "name"]),
        (b'{"name":"x","n\\u0061me":"x"}', ["body", "name"]),
        (b'[{"name":"x"},{"name":"x","age":1,"age":1}]', ["body", 1, "age"]),
        (b'{"inputs":[{"name":"x"},{"name":"x","age":1,"age":1}]}', ["body", "inputs", 1, "age"]),
        (b'{"inputs":[],"inputs":[{"name":"x"}]}', ["body", "inputs"]),
    ],
)
@pytest.mark.parametrize("schema", [Passenger, Changing])
def test_a_row_with_a_repeated_key_is_refused_with_its_place(schema: Any, body: bytes, place: list[Any]) -> None:
    parser = RowParser(schema)
    with pytest.raises(RowError) as found:
        parser.parse(body)
    assert found.value.errors == [{"type": "repeated_key", "loc": place, "msg": "The key is there twice"}]


def test_a_repeated_key_is_found_in_slices_of_a_large_body() -> None:
    parser = RowParser(Passenger)
    good, bad = b'{"name":"x: y","note":"\\":"}', b'{"name":"x","age":1,"age":2}'
    for start, end, place in ((b"[", b"]", ["body"]), (b'{"inputs":[', b"]}", ["body", "inputs"])):
        assert sum(len(rows) for _, rows in parser.parse_slices(start + b",".join([good] * 3000) + end)) == 3000
        with pytest.raises(RowError) as found:
            list(parser.parse_slices(start + b",".join([good] * 2000 + [bad] + [good] * 1000) + end))
        assert found.value.errors[0]["loc"] == [*place, 2000, "age"]


def test_colons_in_values_refuse_nothing() -> None:
    parser = RowParser(Passenger)
    for text in ("a:b", '":"', "\\", '\\":', '{"a":1,"a":2}', "://"):
        assert parser.parse(json.dumps({"name": text, "note": text}).encode())[0].name == text
