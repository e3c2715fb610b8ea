"""Writes pipeline.py: one of three models behind the preparation that it needs, all of which compiles exactly."""

from dataclasses import dataclass
from typing import Literal

from seatrial.template.featurecode import Features
from seatrial.template.records import Examination
from seatrial.template.spelling import listed

Model = Literal["logistic", "boosting", "forest"]
MODELS: dict[Model, str] = {
    "logistic": "a linear model: logistic regression, or ridge regression for numbers",
    "boosting": "gradient boosted trees",
    "forest": "a random forest",
}
RARE = 10  # rows; categories in fewer share one column
INDICATED = 20  # rows that miss a number, from which on that it is missing may be learnt
SMALL, LARGE = 1_000, 50_000


@dataclass(frozen=True)
class _Groups:
    """The pipeline's inputs, by how they are prepared."""

    whole: tuple[str, ...]  # numbers without a missing value
    gaps: tuple[str, ...]
    categories: tuple[str, ...]
    codes: tuple[str, ...]


def pipeline_code(examination: Examination, features: Features, model: Model) -> str:
    """The text of pipeline.py with `build()`."""
    groups = _groups(examination, features)
    regression = examination.target.task == "regression"
    numbers = bool(groups.whole or groups.gaps)
    imports: dict[str, set[str]] = {"sklearn.compose": {"ColumnTransformer"}, "sklearn.pipeline": {"Pipeline"}}

    def use(module: str, name: str) -> None:
        imports.setdefault(f"sklearn.{module}", set()).add(name)

    rows = examination.rows
    body: list[str] = []
    parts: list[str] = []
    scaled = model == "logistic"
    if groups.whole:
        parts.append(f'("numbers", {"StandardScaler()" if scaled else _Q("passthrough")}, NUMBERS)')
        if scaled:
            use("preprocessing", "StandardScaler")
    if groups.gaps and model == "boosting":
        parts.append(f'("gaps", {_Q("passthrough")}, WITH_GAPS)')
        body.append("    # Boosted trees learn by themselves to which side of a split a missing number goes.\n")
    elif groups.gaps:
        use("impute", "SimpleImputer")
        imputer = 'SimpleImputer(strategy="median", add_indicator=True)'
        if scaled:
            use("preprocessing", "StandardScaler")
            use("pipeline", "make_pipeline")
        body.append("    # That a number is missing may say something, so it is a column of its own.\n")
        body.append(f"    gaps = {f'make_pipeline({imputer}, StandardScaler())' if scaled else imputer}\n")
        parts.append('("gaps", gaps, WITH_GAPS)')
    if groups.categories:
        use("preprocessing", "OneHotEncoder")
        rare = RARE if rows >= SMALL else 2 if rows >= 100 else 0
        options = 'handle_unknown="infrequent_if_exist"' if rare else 'handle_unknown="ignore"'
        options += f", min_frequency={rare}" if rare else ""
        if rare:
            body.append(
                f"    # Names in fewer than {rare} rows share one column, which is also that of a name never seen.\n"
            )
        body.append(f"    categories = OneHotEncoder({options}, sparse_output=False)\n")
        parts.append('("categories", categories, CATEGORIES)')
    if groups.codes:
        use("preprocessing", "TargetEncoder")
        body.append(
            "    # Too many names for a column each: what the target is on average where the name is this one.\n"
        )
        if scaled:
            use("pipeline", "make_pipeline")
            use("preprocessing", "StandardScaler")
        encoder = _target_encoder(examination)
        body.append(f"    codes = {f'make_pipeline({encoder}, StandardScaler())' if scaled else encoder}\n")
        parts.append('("codes", codes, CODES)')
    name, call, why = _estimator(model, regression=regression, rows=rows)
    use(*name)
    inner = ", ".join(parts)
    line = f"    columns = ColumnTransformer([{inner}])\n"
    if len(line) > 121:
        line = f"    columns = ColumnTransformer(\n        [{inner}]\n    )\n"
        if len(f"        [{inner}]") > 120:
            line = (
                "    columns = ColumnTransformer(\n        [\n"
                + "".join(f"            {p},\n" for p in parts)
                + "        ]\n    )\n"
            )
    constants = "".join(
        listed(f"{name} = ", names) + "\n"
        for name, names in (
            ("NUMBERS", groups.whole),
            ("WITH_GAPS", groups.gaps),
            ("CATEGORIES", groups.categories),
            ("CODES", groups.codes),
        )
        if names
    )
    assert numbers or groups.categories or groups.codes
    written = "".join(f"from {module} import {', '.join(sorted(imports[module]))}\n" for module in sorted(imports))
    return (
        '"""The estimator. It may be any scikit-learn pipeline; what `seatrial train` prints says whether it compiles."""\n\n'
        f"{written}\n{constants}\n\n"
        "def build() -> Pipeline:\n"
        '    """Make the unfitted pipeline; a missing number reaches it as NaN, a missing string as an empty one."""\n'
        f"{''.join(body)}{line}{why}    model = {call}\n"
        '    return Pipeline([("columns", columns), ("model", model)])\n'
    )


def _Q(text: str) -> str:  # noqa: N802
    return f'"{text}"'


def _groups(examination: Examination, features: Features) -> _Groups:
    used = examination.used

    def of(*kinds: str, gaps: bool | None = None) -> list[str]:
        return [c.name for c in used if c.kind in kinds and (gaps is None or bool(c.missing) is gaps)]

    derived = [name for name in features.numbers if name not in features.missing]
    return _Groups(
        (*of("integer", "number", "boolean", gaps=False), *derived),
        (*of("integer", "number", "boolean", gaps=True), *features.missing),
        tuple(of("category")),
        tuple(of("code")),
    )


def _target_encoder(examination: Examination) -> str:
    kind = {"regression": "continuous", "binary": "binary", "multiclass": "multiclass"}[examination.target.task]
    return f'TargetEncoder(target_type="{kind}")'


def _estimator(model: Model, *, regression: bool, rows: int) -> tuple[tuple[str, str], str, str]:
    """The model's class, its call, and a comment line above it."""
    if model == "logistic":
        if regression:
            why = "    # How much to shrink is chosen by leaving out each row in turn.\n"
            return ("linear_model", "RidgeCV"), "RidgeCV(alphas=[0.1, 0.3, 1, 3, 10, 30, 100, 300])", why
        return ("linear_model", "LogisticRegression"), "LogisticRegression(C=1.0, max_iter=1000)", ""
    kind = "Regressor" if regression else "Classifier"
    if model == "forest":
        trees = 200 if rows <= LARGE else 60
        options = f"n_estimators={trees}, min_samples_leaf={2 if rows <= LARGE else 20}"
        options += ", max_features=0.33" if regression else ""
        return ("ensemble", f"RandomForest{kind}"), f"RandomForest{kind}({options})", ""
    name = f"HistGradientBoosting{kind}"
    if rows < SMALL:
        why = "    # Few rows: short steps, small trees.\n"
        return (
            ("ensemble", name),
            f"{name}(learning_rate=0.05, max_leaf_nodes=8, max_iter=150, min_samples_leaf=10)",
            why,
        )
    if rows <= 10_000:
        return ("ensemble", name), f"{name}(learning_rate=0.05, max_leaf_nodes=16, max_iter=200)", ""
    return ("ensemble", name), f"{name}(learning_rate=0.1, max_iter=200)", ""
