"""Generates schema.py: a Pydantic class with a comment for each decision."""

import keyword
import re
from collections.abc import Sequence
from typing import Any

from seatrial.core.quoting import python
from seatrial.model.masked_text import FEWEST_ROWS, common_masks
from seatrial.template.codegen.literals import WIDTH, comment, listed, short
from seatrial.template.column_names import RESERVED, clean_name
from seatrial.template.records import KEPT, KINDS, ColumnFacts, Decision, Examination

LONGEST_TEXT = 10_000
SHORTEST_LIMIT = {"text": 2_000, "code": 100}
HEAD = '"""The input columns of the model. The same rules apply in training, in the trial and in the API."""\n'
EXAMPLE_QUANTILE = 0.7
_SUCH_AS = re.compile(r"such as ([\"'])(.*)\1")  # a cell of the table
_TYPES = {"integer": "int", "number": "float", "boolean": "bool", "code": "str", "text": "str", "date": "dt.date"}


def schema_code(examination: Examination, *, row: str, about: str) -> str:
    """The text of schema.py; `row` is the name of the class, `about` says in a sentence what a row is."""
    used = examination.used
    aliases = _aliases(used, row)
    moments = {("AwareDatetime" if c.aware else "NaiveDatetime") for c in used if c.kind == "moment"}
    imports = "import datetime as dt\n" if any(c.kind == "date" for c in used) else ""
    imports += "from typing import Literal\n" if any(_categories(c) for c in used) else ""
    lists = "".join(listed(f"{aliases[c.name]} = Literal", _categories(c)) + "\n" for c in used if c.name in aliases)
    text = f"{HEAD}\n{imports}\n" if imports else f"{HEAD}\n"
    text += f"from pydantic import {', '.join(sorted({*moments, 'Field'}))}\nfrom seatrial import Schema\n"
    text += "from seatrial.model import world\n" if any(c.meaning.named for c in used) else ""
    text += f"\n{lists}" if lists else ""
    docstring = short(about.replace("\\", "/").replace('"', "'"), 100)
    text += f'\n\nclass {row}(Schema):\n    """{docstring}"""\n\n'
    text += "".join(_field(column, examination, aliases.get(column.name, "")) for column in used)
    if examination.unused:
        text += "\n" + comment("Columns of the table that the model does not use:", 4)
        text += "".join(comment(f"- {c.name}: {short(examination.why_unused(c), 400)}", 4) for c in examination.unused)
    return text


def row_class(name: str) -> str:
    """The name of the class from the project's name: customer-churn -> CustomerChurn."""
    words = [word for word in clean_name(name.replace("-", " ").replace("_", " ")).split("_") if word]
    joined = "".join(word[:1].upper() + word[1:] for word in words)
    free = joined.isidentifier() and not keyword.iskeyword(joined) and joined not in RESERVED
    return joined if free else "Row"


def _categories(column: ColumnFacts) -> list[Any]:
    """The values that the schema lists: all there are, those of the table where others may come, or none."""
    if column.meaning.named or column.kind not in ("category", "code"):
        return []
    if column.meaning.values:
        return list(column.meaning.values)
    if column.kind != "category":
        return []
    several = sorted(value for value, count in column.counts if count > 1)  # what one row has may be about one person
    return several or sorted(value for value, _ in column.counts)


def _open(column: ColumnFacts) -> str:
    """The type of the values that an open category accepts beside those that it lists, or an empty text."""
    if column.kind != "category" or column.meaning.values:
        return ""
    return "str" if isinstance(column.counts[0][0], str) else "int"


def _aliases(columns: Sequence[ColumnFacts], row: str) -> dict[str, str]:
    """Names for the lists of categories that are too long for their field's line, by column."""
    aliases: dict[str, str] = {}
    names = {column.name for column in columns}  # within the class, a field hides what has the same name
    for column in columns:
        if not _categories(column):
            continue
        line = _line(column, f"Literal[{', '.join(map(python, _categories(column)))}]")
        if len(line) > WIDTH:
            words = "".join(word[:1].upper() + word[1:] for word in column.name.split("_") if word)
            name = words if words[:1].isalpha() else f"Column{words}"
            while keyword.iskeyword(name) or name in (row, *RESERVED, *names, *aliases.values()):
                name += "_"
            aliases[column.name] = name
    return aliases


def _line(column: ColumnFacts, kind: str) -> str:
    others = f" | {_open(column)}" if _open(column) else ""
    return f"    {column.name}: {kind}{others}{' | None' if column.missing else ''} = Field("


def _field(column: ColumnFacts, examination: Examination, alias: str) -> str:
    if column.meaning.named:
        kind = f"world.{column.meaning.named}"
    elif _categories(column):
        kind = alias or listed("Literal", _categories(column))
    elif column.kind == "moment":
        kind = "AwareDatetime" if column.aware else "NaiveDatetime"
    else:
        kind = _TYPES[column.kind]
    lines = ["None"] if column.missing else []
    title = short(_title(column), 80)
    lines.append(f"title={python(title)}")
    lines += [f"{name}={python(value)}" for name, value in _bounds(column)]
    if column.unit:
        lines.append(f'json_schema_extra={{"unit": {python(column.unit)}}}')
    if kind == "str":
        lines.append(f"max_length={_longest(column)}")
    example = _example(column)
    if example is not None:
        lines.append(listed("        examples=", [example]).lstrip())
    decisions = [d for d in examination.of(column.name) if d.about in ("type", "missing", "name") or d.what == KEPT]
    comments = "".join(comment(_sentence(d), 4) for d in decisions if d.what != KINDS["boolean"])
    comments += comment(_about_values(column), 4)
    if column.missing:
        comments += comment(f"Missing in {column.missing:,} of {len(column.values):,} rows.", 4)
    return comments + _line(column, kind) + "\n" + "".join(f"        {line},\n" for line in lines) + "    )\n"


def _sentence(decision: Decision) -> str:
    reason = _SUCH_AS.sub(lambda found: re.sub(r"\d", "0", found[0]), decision.reason)
    text = f"{decision.what}: {reason}"
    return short(f"{text[:1].upper()}{text[1:]}", 300) + "."


def _title(column: ColumnFacts) -> str:
    if column.source == column.name:
        words = column.name.replace("_", " ").strip()
        return words[:1].upper() + words[1:]
    return column.source.strip() or column.name


def _longest(column: ColumnFacts) -> int:
    """Ten times the longest text in the table, rounded up to two digits: a guard against abuse, not a rule."""
    step = int("1" + "0" * max(len(str(10 * column.longest)) - 2, 0))
    return max(min(LONGEST_TEXT, -(-10 * column.longest // step) * step), column.longest, SHORTEST_LIMIT[column.kind])


def _example(column: ColumnFacts) -> Any:
    """A common or made-up value, since examples are shown to everyone; not the middle, which the typical row has."""
    import pyarrow.compute as pc

    present = column.values.drop_null()
    if not len(present):
        return None
    if column.kind in ("integer", "number"):
        value = float(f"{pc.quantile(present, EXAMPLE_QUANTILE)[0].as_py():.3g}")
        return round(value) if column.kind == "integer" else value
    if column.kind in ("date", "moment"):
        ordered = present.sort()
        value = ordered[int(len(ordered) * EXAMPLE_QUANTILE)].as_py()
        clock = {"hour": 12, "minute": 0, "second": 0, "microsecond": 0} if column.kind == "moment" else {}
        return value.replace(day=1, **clock).isoformat()
    if column.counts and (column.kind in ("category", "boolean") or _categories(column) or column.meaning.named):
        common = [value for value, count in column.counts if count >= FEWEST_ROWS]
        return (common[1:2] or common or [column.counts[0][0]])[0]
    if column.kind not in ("code", "text"):
        return column.example
    mask = next(iter(common_masks(present.to_pylist(), 1)), None)
    return mask if mask is None or len(python(mask)) <= 90 else None


def _about_values(column: ColumnFacts) -> str:
    """Why these values are accepted and no others, and how to change it; an empty text if there is nothing to say."""
    about, other = column.meaning.about, _open(column)
    if other:
        return f"Open: other values are predicted as unknown, with a warning. Without `| {other}` they are rejected."
    if column.meaning.values:
        other = "str" if isinstance(column.meaning.values[0], str) else "int"
        return f"Closed: {about}. With `| {other}`, other values are predicted as unknown, with a warning."
    return f"Bounds: {about}." if about else ""


def _bounds(column: ColumnFacts) -> list[tuple[str, Any]]:
    """The limits of a number that mean something. Beyond the values of the table a row is predicted, with a warning."""
    ends = (("ge", column.meaning.low), ("le", column.meaning.high))
    if column.kind not in ("integer", "number"):
        return []
    return [(name, int(end) if end == int(end) else end) for name, end in ends if end is not None]
