"""Which texts mean missing, infinite, yes or no; all distinct values of a column must match, or none is converted."""

# The first set means missing in every column; the other words only if all other values are numbers, dates, or yes and
# no, since "none" may also be a category.
MISSING = {"", "na", "n/a", "nan", "null", "#n/a", "<na>", "?"}
MISSING_BESIDE_VALUES = MISSING | {"-", "--", "none", "nil", "missing", "unknown", ".", "nat", "k.a.", "n.a.", "tbd"}
INFINITE = {"inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}
YES_NO = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("ja", "nein"), ("j", "n"), ("oui", "non"),
    ("si", "no"), ("sí", "no"), ("sim", "não"), ("tak", "nie"), ("да", "нет"), ("on", "off"), ("1.0", "0.0"),
    ("wahr", "falsch"), ("vrai", "faux"), ("verdadero", "falso"), ("verdadeiro", "falso"), ("vero", "falso"),
)  # fmt: skip
UNDERSTOOD = {"yes", "no", "y", "n", "true", "false", "t", "f", "1", "0"}  # what training reads without conversion
EXACT = 2**53  # the largest range in which a double represents every whole number


def read_booleans(texts: list[str]) -> tuple[set[str], set[str]] | None:
    """The texts that mean yes and those that mean no; None unless the texts are exactly such a pair."""
    if len(texts) > 6:
        return None
    folded = {text.lower() for text in texts}
    for yes, no in YES_NO:
        if folded == {yes, no}:
            return {text for text in texts if text.lower() == yes}, {text for text in texts if text.lower() == no}
    return None
