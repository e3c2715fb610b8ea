"""Writes features.py: parts of dates and a few words of texts, as plain functions; says which inputs they make."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from seatrial.template.codegen.identifiers import WIDTH, literal
from seatrial.template.records import ColumnFacts, Decision, Examination

MOST_WORDS = 12
ROWS_OF_WORDS = 20_000
COMMON = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be but by for from had has have he her his i in is it its me my not of on or our she so
        that the their them they this to too was we were what when which who will with you your
        der die das und ist ein eine le la les et de un une""",
    )
)


@dataclass(frozen=True)
class Features:
    """The text of features.py, and the inputs for the pipeline that its functions make."""

    text: str
    numbers: tuple[str, ...]  # the features, and nothing else
    missing: tuple[str, ...]  # those of them that may be missing
    decisions: tuple[Decision, ...]


def feature_code(examination: Examination) -> Features:
    """Write the feature functions for the dates and the texts of a table."""
    taken = {column.name for column in examination.columns} | {examination.target.name}
    parts: list[str] = []
    names: list[str] = []
    missing: list[str] = []
    decisions: list[Decision] = []
    helpers: dict[str, str] = {}

    def add(column: ColumnFacts, suffix: str, answer: str, body: str, doc: str) -> None:
        name = f"{column.name}_{suffix}"
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
        kind = {"date": "dt.date", "moment": "dt.datetime"}.get(column.kind, "str")
        guard = ""
        if column.missing:
            kind += " | None"
            if answer != "bool":
                missing.append(name)
                answer += " | None"
                plain = f"None if {column.name} is None else {body}"
                fits = len(plain) + len("    return ") <= WIDTH
                body = plain if fits else body
                guard = "" if fits else f"    if {column.name} is None:\n        return None\n"
        head = f"def {name}({column.name}: {kind}) -> {answer}:"
        if len(head) > WIDTH:
            head = f"def {name}(\n    {column.name}: {kind},\n) -> {answer}:"
        parts.append(f'\n\n{head}\n    """{doc}"""\n{guard}    return {body}\n')

    for column in examination.used:
        if column.kind in ("date", "moment"):
            made = len(names)
            _add_date(column, add)
            told = ", ".join(name.removeprefix(f"{column.name}_") for name in names[made:])
            decisions.append(
                Decision("features", column.name, f"taken apart into {told}", "a model calculates with numbers")
            )
        if column.kind == "text":
            words = often_words(column)
            _add_text(column, words, add, helpers)
            what = "asked for its length and number of words" + (
                f", and whether it says {', '.join(words)}" if words else ""
            )
            why = "words chosen by how many rows have them, without a look at the target"
            decisions.append(Decision("features", column.name, what, why if words else "no word is in enough rows"))
    if not parts:
        head = (
            '"""Columns derived from a row: plain functions, whose parameters name the columns they read.\n\n'
            "There is none yet. `def total(price: float, count: int) -> float` would add a column `total`.\n"
            '"""\n'
        )
        return Features(head, (), (), ())
    text = '"""Columns derived from a row: plain functions, whose parameters name the columns they read."""\n\n'
    text += "import datetime as dt\n" if any("dt." in part for part in parts) else ""
    text += "import re\n" if helpers else ""
    text = text.rstrip("\n") + "\n"
    text += "".join(helpers.values()) + "".join(parts)
    return Features(text, tuple(names), tuple(missing), tuple(decisions))


def _add_date(column: ColumnFacts, add: Any) -> None:
    import pyarrow.compute as pc

    name, write = column.name, add

    def varies(part: Any) -> bool:
        return bool((pc.count_distinct(part(column.values)).as_py() or 0) > 1)

    moment = f"{name}.astimezone(dt.UTC)" if column.aware else name
    if varies(pc.year):
        write(column, "year", "int", f"{moment}.year", "The year.")
    if varies(pc.month):
        write(column, "month", "int", f"{moment}.month", "The month, 1 to 12.")
    if varies(pc.day_of_week):
        write(column, "weekday", "int", f"{moment}.weekday()", "0 is a Monday.")
    if column.kind == "moment" and varies(pc.hour):
        write(column, "hour", "int", f"{moment}.hour", "The hour, 0 to 23" + (", in UTC." if column.aware else "."))
    first = column.minimum
    day = f"dt.date({first.year}, {first.month}, {first.day})"
    date = f"{moment}.date()" if column.kind == "moment" else name
    write(column, "days", "int", f"({date} - {day}).days", "Days since the first date in the table.")


def _add_text(column: ColumnFacts, words: list[str], add: Any, helpers: dict[str, str]) -> None:
    name, write = column.name, add
    write(column, "length", "int", f"len({name})", "How many characters it has.")
    write(column, "words", "int", f"len({name}.split())", "How many words it has.")
    if not words:
        return
    helpers["says"] = (
        '\n_WORD = re.compile(r"[^\\W\\d_]+")\n\n\n'
        "def _says(text: str | None, word: str) -> bool:\n"
        "    return text is not None and word in _WORD.findall(text.lower())\n"
    )
    for position, word in enumerate(words):
        suffix = word if word.isascii() else f"word_{position + 1}"
        write(
            column,
            f"says_{suffix}",
            "bool",
            f"_says({name}, {literal(word)})",
            f"Whether it says {literal(word).strip(chr(34))}.",
        )


def often_words(column: ColumnFacts) -> list[str]:
    """The words in most rows, but in fewer than half and in at least one of fifty; chosen without the target."""
    texts = column.values.drop_null()[:ROWS_OF_WORDS].to_pylist()
    counts = Counter(word for text in texts for word in set(re.findall(r"[^\W\d_]+", text.lower())))
    least = max(len(texts) / 50, 5)
    fit = [
        (word, n)
        for word, n in counts.items()
        if least <= n <= len(texts) / 2 and 2 <= len(word) <= 30 and word not in COMMON
    ]
    return sorted(word for word, _ in sorted(fit, key=lambda pair: (-pair[1], pair[0]))[:MOST_WORDS])
