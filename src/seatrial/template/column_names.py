"""Column names as Python identifiers, so that the table, the API and the feature functions use the same name.

A name that is an identifier stays as it is. Others are converted, and the project's data file uses the new name.
Aliases would give a column two names: callers of the API would see one, feature functions the other.
"""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Sequence

from seatrial.model.schema import Schema

LONGEST = 60
# Names that the generated schema.py and features.py use: a field `float` would change what `x: float` means.
RESERVED = {"float", "int", "str", "bool", "len", "dt", "re", "world"}
RESERVED |= {"Literal", "Field", "Schema", "AwareDatetime", "NaiveDatetime", "Config"}
_ATTRIBUTES = frozenset([*dir(Schema), *dir(type(Schema))])
_SPELT = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe"}
_SIGNS = {"%": "percent", "€": "eur", "$": "usd", "£": "gbp", "#": "number", "&": "and", "+": "plus", "°": "degree"}


def clean_names(names: Sequence[str]) -> tuple[str, ...]:
    """Convert names to identifiers that a schema can have, all of them different."""
    kept = [name for name in names if clean_name(name) == name]
    taken = set(kept)
    result = []
    for position, name in enumerate(names):
        clean = clean_name(name) or f"column_{position + 1}"
        if clean != name or kept.count(name) > 1:
            clean = _free(clean, taken if clean != name or name in result else taken - {name})
        taken.add(clean)
        result.append(clean)
    return tuple(result)


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def clean_name(name: str) -> str:
    """Convert one name to an identifier; "" if nothing of it is left."""
    spelt = "".join(_SPELT.get(c) or (f" {_SIGNS[c]} " if c in _SIGNS else _spoken(c)) for c in name)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    clean = re.sub(r"\W+", "_", plain).strip("_")[:LONGEST].rstrip("_")
    if name.isascii() and name.isidentifier() and not name.startswith("_") and len(name) <= LONGEST:
        clean = name
    if clean[:1].isdigit():
        clean = f"n_{clean}"
    if keyword.iskeyword(clean) or clean in RESERVED or clean in _ATTRIBUTES:
        clean += "_"
    return clean


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case: `DayOfWeek`, `day of week` and `day_of_week` are the same three."""
    spelt = "".join(_SPELT.get(c) or (f" {_SIGNS[c]} " if c in _SIGNS else c) for c in name)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)]


def _spoken(character: str) -> str:
    """An emoji as its Unicode name, other characters unchanged."""
    if unicodedata.category(character) != "So":
        return character
    return f" {unicodedata.name(character, '').lower().replace('-', ' ')} "


def reason(name: str, clean: str) -> str:
    """Why a column's name was changed."""
    if keyword.iskeyword(name) or name in dir(builtins) or name in RESERVED:
        return "Python uses that name"
    if name in _ATTRIBUTES:
        return "every schema has an attribute with that name"
    if not name.strip():
        return "the column had no name"
    if clean_name(name) == name or clean != clean_name(name):
        return "another column has that name"
    return "field names must be Python identifiers"
