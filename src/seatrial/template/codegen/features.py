"""Generates features.py: parts of dates and common words of texts, as plain functions."""

import re
from collections import Counter
from dataclasses import dataclass, field

from seatrial.core.quoting import python
from seatrial.template.codegen.literals import WIDTH
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
HEAD = '"""Columns derived from a row: plain functions, whose parameters name the columns they read.'
NONE_YET = f"""{HEAD}

There are none yet. For example, `def total(price: float, count: int) -> float` would add a column `total`.
\"\"\"
"""
CONTAINS = """
_WORD = re.compile(r"[^\\W\\d_]+")


def _contains(text: str | None, word: str) -> bool:
    return text is not None and word in _WORD.findall(text.lower())
"""


@dataclass(frozen=True)
class Features:
    """The text of features.py, and the inputs that its functions add to the pipeline."""

    text: str
    numbers: tuple[str, ...]  # the names of all features
    missing: tuple[str, ...]  # those of them that may be missing
    decisions: tuple[Decision, ...]


@dataclass
class _Functions:
    """The feature functions written so far; `taken` are names that no other function may have."""

    taken: set[str]
    texts: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, column: ColumnFacts, suffix: str, returns: str, body: str, doc: str) -> None:
        """Write one function of one column; it returns None if the column is missing, unless it returns a bool."""
        name = f"{column.name}_{suffix}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        self.names.append(name)
        kind = {"date": "dt.date", "moment": "dt.datetime"}.get(column.kind, "str")
        guard = ""
        if column.missing:
            kind += " | None"
            if returns != "bool":
                self.missing.append(name)
                returns += " | None"
                guarded = f"None if {column.name} is None else {body}"
                if len(guarded) + len("    return ") <= WIDTH:
                    body = guarded
                else:
                    guard = f"    if {column.name} is None:\n        return None\n"
        head = f"def {name}({column.name}: {kind}) -> {returns}:"
        if len(head) > WIDTH:
            head = f"def {name}(\n    {column.name}: {kind},\n) -> {returns}:"
        self.texts.append(f'\n\n{head}\n    """{doc}"""\n{guard}    return {body}\n')


def feature_code(examination: Examination) -> Features:
    """Generate the feature functions for the dates and the texts of a table."""
    functions = _Functions({column.name for column in examination.columns} | {examination.target.name})
    decisions: list[Decision] = []
    contains = False
    for column in examination.used:
        if column.kind in ("date", "moment"):
            before = len(functions.names)
            _add_date(column, functions)
            parts = ", ".join(name.removeprefix(f"{column.name}_") for name in functions.names[before:])
            decisions.append(Decision("features", column.name, f"split into {parts}", "models need numbers"))
        if column.kind == "text":
            words = frequent_words(column)
            _add_text(column, words, functions)
            contains = contains or bool(words)
            what = "reduced to its length and number of words"
            what += f", and whether it contains {', '.join(words)}" if words else ""
            why = "words chosen by their number of rows, without the target" if words else "no word is in enough rows"
            decisions.append(Decision("features", column.name, what, why))
    if not functions.texts:
        return Features(NONE_YET, (), (), ())
    imports = "import datetime as dt\n" if any("dt." in text for text in functions.texts) else ""
    imports += "import re\n" if contains else ""
    text = (
        f'{HEAD}"""\n' + (f"\n{imports}" if imports else "") + (CONTAINS if contains else "") + "".join(functions.texts)
    )
    return Features(text, tuple(functions.names), tuple(functions.missing), tuple(decisions))


def _add_date(column: ColumnFacts, functions: _Functions) -> None:
    import pyarrow.compute as pc

    value = f"{column.name}.astimezone(dt.UTC)" if column.aware else column.name
    utc = ", in UTC" if column.aware else ""
    parts = [
        (pc.year, "year", f"{value}.year", "The year."),
        (pc.month, "month", f"{value}.month", "The month, 1 to 12."),
        (pc.day_of_week, "weekday", f"{value}.weekday()", "The day of the week; 0 is Monday."),
    ]
    if column.kind == "moment":
        parts.append((pc.hour, "hour", f"{value}.hour", f"The hour, 0 to 23{utc}."))
    for part, suffix, body, doc in parts:
        if (pc.count_distinct(part(column.values)).as_py() or 0) > 1:
            functions.add(column, suffix, "int", body, doc)
    first = column.minimum
    day = f"dt.date({first.year}, {first.month}, {first.day})"
    date = f"{value}.date()" if column.kind == "moment" else column.name
    functions.add(column, "days", "int", f"({date} - {day}).days", "Days since the first date in the table.")


def _add_text(column: ColumnFacts, words: list[str], functions: _Functions) -> None:
    name = column.name
    functions.add(column, "length", "int", f"len({name})", "The number of characters.")
    functions.add(column, "words", "int", f"len({name}.split())", "The number of words.")
    for position, word in enumerate(words):
        suffix = f"contains_{word if word.isascii() else f'word_{position + 1}'}"
        doc = f"Whether it contains the word {python(word).strip(chr(34))}."
        functions.add(column, suffix, "bool", f"_contains({name}, {python(word)})", doc)


def frequent_words(column: ColumnFacts) -> list[str]:
    """The words in the most rows, but in fewer than half of them and in at least one of fifty; without the target."""
    texts = column.values.drop_null()[:ROWS_OF_WORDS].to_pylist()
    counts = Counter(word for text in texts for word in set(re.findall(r"[^\W\d_]+", text.lower())))
    least = max(len(texts) / 50, 5)
    words = [
        word
        for word, count in counts.items()
        if least <= count <= len(texts) / 2 and 2 <= len(word) <= 30 and word not in COMMON
    ]
    return sorted(sorted(words, key=lambda word: (-counts[word], word))[:MOST_WORDS])
