"""What a column's texts mean: missing, infinite, yes or no; read over the distinct values, exactly or not at all."""

# These stand for a missing value in every column; the others only where all other values are numbers, dates, yes or no,
# since "none" may be a name like any other.
MISSING = {"", "na", "n/a", "nan", "null", "#n/a", "<na>", "?"}
MISSING_BESIDE_VALUES = MISSING | {"-", "--", "none", "nil", "missing", "unknown", ".", "nat", "k.a.", "n.a.", "tbd"}
INFINITE = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
YES_NO = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("ja", "nein"), ("j", "n"), ("oui", "non"),
    ("si", "no"), ("sí", "no"), ("sim", "não"), ("tak", "nie"), ("да", "нет"), ("on", "off"), ("1.0", "0.0"),
    ("wahr", "falsch"), ("vrai", "faux"), ("verdadero", "falso"), ("verdadeiro", "falso"), ("vero", "falso"),
)  # fmt: skip
UNDERSTOOD = {"yes", "no", "y", "n", "true", "false", "t", "f", "1", "0"}  # by seatrial's own tables
EXACT = 2**53  # up to which a double holds every whole number


def read_booleans(texts: list[str]) -> tuple[set[str], set[str]] | None:
    """The texts that mean yes, and those that mean no; None where they are not exactly such a pair."""
    if len(texts) > 6:
        return None
    folded = {text.lower() for text in texts}
    for yes, no in YES_NO:
        if folded == {yes, no}:
            return {t for t in texts if t.lower() == yes}, {t for t in texts if t.lower() == no}
    return None
