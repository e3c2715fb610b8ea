"""Hostile request bodies. Each is rejected, or answered if it is valid after all; none may break the server."""

import gzip
import json
from collections.abc import Iterator
from typing import Any


def hostile_bodies(example: dict[str, Any], number: str, text: str) -> Iterator[tuple[str, bytes]]:
    """Yield names and bodies, made from a valid row; `number` and `text` are the names of two of its columns."""
    row = json.dumps(example)

    def with_raw(name: str, value: str) -> bytes:
        return json.dumps({**example, name: "@"}).replace('"@"', value).encode()

    numbers = [
        *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "-0", "0x1F", "01", "1_000", "+1", "1.", ".5"),
        *("true", "false", "null", "[]", "{}", '""', '"1"', '"NaN"', "1" + "0" * 400, "9" * 4400, "-" + "9" * 30),
        *("9223372036854775808", "1e308", "5e-324", "0." + "0" * 5000 + "1", "1e" + "9" * 500, "99", "-5"),
    ]
    for value in numbers:
        yield f"{number} is {value[:20]}", with_raw(number, value)
    texts = [
        *(r'"\ud800"', r'"\udc00\ud800"', r'"a\u0000b"', '"\x00"', '"a\nb"', '"\\x41"', r'"\u00e9\u0301"'),
        *('"' + "x" * 100_000 + '"', '"' + "\\u0041" * 20_000 + '"', '"\u202eevil"', '"\\ud83d\\ude00"', "1"),
        *('"\'; DROP TABLE rows; --"', '"{{7*7}}"', '"<script>alert(1)</script>"', '"%s%n%x"', '"../../etc/passwd"'),
        *(r'"\r\n2026-01-01 INFO forged"', '"\\u2028"', '"a' + "̀" * 5000 + '"'),
    ]
    for value in texts:
        yield f"{text} is {value[:20]!a}", with_raw(text, value)
    yield from {
        "an empty body": b"",
        "whitespace": b" \n\t ",
        "NUL": b"\x00",
        "a byte order mark": b"\xef\xbb\xbf" + row.encode(),
        "UTF-16": row.encode("utf-16"),
        "UTF-32": row.encode("utf-32-le"),
        "Latin-1": row.replace("Hart", "H\xe9rt").encode("latin-1") + b"\xe9",
        "bytes that are not text": bytes(range(128, 256)),
        "an overlong encoding": row.encode().replace(b"a", b"\xc1\xa1", 1),
        "gzip": gzip.compress(row.encode()),
        "a form": b"age=7&sex=female",
        "XML": b"<?xml version='1.0'?><row/>",
        "NDJSON": row.encode() + b"\n" + row.encode(),
        "truncated": row.encode()[:-1],
        "a trailing comma": row.encode()[:-1] + b",}",
        "single quotes": row.replace('"', "'").encode(),
        "a comment": b"/* */" + row.encode(),
        "trailing data": row.encode() + b" x",
        "null": b"null",
        "true": b"true",
        "a number": b"1",
        "a string": b'"row"',
        "an empty object": b"{}",
        "inputs of null": b'{"inputs":null}',
        "inputs of an object": b'{"inputs":' + row.encode() + b"}",
        "inputs of inputs": b'{"inputs":[{"inputs":[]}]}',
        "inputs and another key": b'{"inputs":[],"parameters":{}}',
        "inputs twice": b'{"inputs":[],"inputs":[' + row.encode() + b"]}",
        "inputs escaped": b'{"\\u0069nputs":[' + row.encode() + b"]}",
        "a list of lists": b"[[" + row.encode() + b"]]",
        "a list of nulls": b"[null,null]",
        "duplicate keys": row.encode()[:-1] + f', "{number}": -5}}'.encode(),
        "a thousand duplicate keys": row.encode()[:-1] + f', "{number}": 1'.encode() * 1000 + b"}",
        "depth in lists": b"[" * 100_000,
        "depth in closed lists": b"[" * 50_000 + b"]" * 50_000,
        "depth in objects": b'{"a":' * 50_000,
        "depth in a value": with_raw(text, "[" * 10_000 + "]" * 10_000),
        "a misspelt column": json.dumps({**example, f"{number}x": 1}).encode(),
        "__proto__": json.dumps({**example, "__proto__": {"admin": True}, "__class__": 1}).encode(),
        "an empty column name": json.dumps({**example, "": 1}).encode(),
        "a column name of surrogates": row.encode()[:-1] + b', "\\ud800": 1}',
        "a column name with a line break": json.dumps({**example, "a\nb": 1}).encode(),
        "a long column name": json.dumps({**example, "x" * 100_000: 1}).encode(),
        "thousands of columns": json.dumps({f"c{i}": i for i in range(20_000)}).encode(),
        "many empty rows": b"[" + b"{}," * 9_000 + b"{}]",
        "a megabyte of empty rows": (b"[" + b"{}," * 349_000 + b"{}]")[: 2**20],
        "a megabyte of numbers": b"[" + b"1," * 500_000 + b"1]",
        "a megabyte of whitespace": b" " * (2**20 - 1) + b"x",
        "a megabyte of text": b'"' + b"x" * (2**20 - 2) + b'"',
        "a body over the limit": b"[" + b" " * 2**20 + b"]",
        **{
            f"a megabyte of {unit} in {where}": (
                start + f"{unit},".encode() * (999_000 // (len(unit) + 1)) + b"0" + end
            )
            for unit in ("[]", "[[[[]]]]", "{}", '{"a":1}', "1", '""', "NaN", '"[[[["')
            for where, start, end in (
                ("an unknown column", b'{"x":[', b"]}"),
                ("a column", row.encode()[:-1] + f', "{number}": ['.encode(), b"]}"),
                ("a column in a list", b"[" + row.encode()[:-1] + f', "{number}": ['.encode(), b"]}]"),
                ("a list in a list", b'[{"x":[[', b"]]}]"),
                ("inputs", b'{"inputs":[', b"]}"),
                ("a key beside inputs", b'{"inputs":[' + row.encode() + b'],"outputs":[', b"]}"),
            )
        },
        "many valid rows and an invalid one": ("[" + f"{row}," * 200 + "{}]").encode(),
    }.items()
