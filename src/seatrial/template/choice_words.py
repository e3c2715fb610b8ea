"""The words for each choice of `seatrial new`: what it shows is accepted, however it is capitalised and hyphenated."""

from collections.abc import Mapping, Sequence

from seatrial.core.errors import SeatrialError

Words = Mapping[str, Sequence[str]]  # the choices, each with other words for it

MODEL_WORDS: Words = {
    "logistic": ("logistic regression", "linear", "linear model", "linear regression", "ridge"),
    "boosting": ("boosted trees", "gradient boosting", "gradient boosted trees"),
    "forest": ("random forest",),
    "lightgbm": ("light gbm", "lgbm"),
    "xgboost": ("xgb",),
    "catboost": ("cat boost",),
    "auto": (),
}
TASK_WORDS: Words = {
    "binary": ("binary classification", "two labels"),
    "multiclass": ("multiclass classification", "multi class", "several labels"),
    "regression": ("quantity", "number", "a number"),
    "classification": ("labels", "classes"),  # binary or multiclass, as many as there are
}
CI_WORDS: Words = {
    "circleci": ("circle ci",),
    "github": ("github actions",),
    "gitlab": ("gitlab ci",),
    "none": ("no",),
}
LICENCE_WORDS: Words = {
    "mit": ("mit licence", "mit license"),
    "apache": ("apache 2.0", "apache licence 2.0", "apache license 2.0"),
    "bsd": ("bsd 3 clause",),
    "none": ("no",),
}
KIND_WORDS: Words = {
    "integer": ("whole numbers", "whole number", "int"),
    "number": ("numbers", "float"),
    "boolean": ("yes or no", "yes/no", "bool"),
    "category": ("categories", "categorical"),
    "code": ("codes",),
    "text": ("free text", "string"),
    "date": ("dates",),
    "moment": ("dates and times", "date and time", "datetime", "timestamp"),
}


def chosen(text: str, words: Words, what: str) -> str:
    """The choice that a text names; `what` is what it should be. Raises SeatrialError with all choices."""
    wanted = _folded(text)
    for choice, others in words.items():
        if wanted in map(_folded, (choice, *others)):
            return choice
    listed = (f"{choice} ({others[0]})" if others else choice for choice, others in words.items())
    raise SeatrialError(f"{text!r} is not {what}.", hint=f"Use one of: {', '.join(listed)}.")


def every_word(words: Words) -> list[str]:
    """All words for all choices, the longest first, so that none is taken for the start of another."""
    return sorted({word for choice, others in words.items() for word in (choice, *others)}, key=len, reverse=True)


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("-", " ").replace("_", " ").split())
