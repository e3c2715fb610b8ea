"""Writes pipeline.py: one of three models behind the preparation that it needs, all of which compiles exactly."""

from dataclasses import dataclass
from typing import Literal, get_args

from seatrial.template.codegen.features import Features
from seatrial.template.codegen.identifiers import WIDTH, listed
from seatrial.template.records import Examination

Model = Literal["logistic", "boosting", "forest"]
MODELS: tuple[Model, ...] = get_args(Model)  # the simplest first: linear, gradient boosted trees, a random forest
RARE = 10  # rows; categories in fewer share one column
TINY, SMALL, LARGE = 100, 1_000, 50_000
UNCHANGED = '"passthrough"'


@dataclass(frozen=True)
class _Groups:
    """The pipeline's inputs, by how they are prepared."""

    whole: tuple[str, ...]  # numbers without a missing value
    gaps: tuple[str, ...]
    categories: tuple[str, ...]
    codes: tuple[str, ...]


class _Imports:
    """The names of scikit-learn that the text uses."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {"compose": {"ColumnTransformer"}, "pipeline": {"Pipeline"}}

    def use(self, module: str, *names: str) -> None:
        self._names.setdefault(module, set()).update(names)

    def __str__(self) -> str:
        return "".join(f"from sklearn.{m} import {', '.join(sorted(n))}\n" for m, n in sorted(self._names.items()))


def pipeline_code(examination: Examination, features: Features, model: Model) -> str:
    """The text of pipeline.py with `build()`."""
    groups = _groups(examination, features)
    imports = _Imports()
    lines, parts = _preparation(examination, groups, model, imports)
    regression = examination.target.task == "regression"
    (module, name), call, why = _estimator(model, regression=regression, rows=examination.rows)
    imports.use(module, name)
    lists = (
        ("NUMBERS", groups.whole),
        ("WITH_GAPS", groups.gaps),
        ("CATEGORIES", groups.categories),
        ("CODES", groups.codes),
    )
    constants = "".join(listed(f"{name} = ", names) + "\n" for name, names in lists if names)
    return (
        '"""The estimator: any scikit-learn pipeline. What `seatrial train` prints says whether it compiles."""\n\n'
        f"{imports}\n{constants}\n\n"
        "def build() -> Pipeline:\n"
        '    """Make the unfitted pipeline; a missing number reaches it as NaN, a missing string as an empty one."""\n'
        f"{''.join(lines)}{_transformer(parts)}{why}    model = {call}\n"
        '    return Pipeline([("columns", columns), ("model", model)])\n'
    )


def _preparation(
    examination: Examination, groups: _Groups, model: Model, imports: _Imports
) -> tuple[list[str], list[str]]:
    """The lines that make the steps, and the entries of the ColumnTransformer."""
    lines: list[str] = []
    parts: list[str] = []
    rows, scaled = examination.rows, model == "logistic"

    def maybe_scaled(step: str) -> str:
        if not scaled:
            return step
        imports.use("pipeline", "make_pipeline")
        imports.use("preprocessing", "StandardScaler")
        return f"make_pipeline({step}, StandardScaler())"

    if groups.whole:
        parts.append(f'("numbers", {"StandardScaler()" if scaled else UNCHANGED}, NUMBERS)')
        if scaled:
            imports.use("preprocessing", "StandardScaler")
    if groups.gaps and model == "boosting":
        parts.append(f'("gaps", {UNCHANGED}, WITH_GAPS)')
        lines.append("    # Boosted trees learn by themselves to which side of a split a missing number goes.\n")
    elif groups.gaps:
        imports.use("impute", "SimpleImputer")
        imputer = 'SimpleImputer(strategy="median", add_indicator=True)'
        lines.append("    # That a number is missing may say something, so it is a column of its own.\n")
        lines.append(f"    gaps = {maybe_scaled(imputer)}\n")
        parts.append('("gaps", gaps, WITH_GAPS)')
    if groups.categories:
        imports.use("preprocessing", "OneHotEncoder")
        rare = RARE if rows >= SMALL else 2 if rows >= 100 else 0
        unknown = 'handle_unknown="ignore"'
        if rare:
            unknown = f'handle_unknown="infrequent_if_exist", min_frequency={rare}'
            told = f"Names in fewer than {rare} rows share one column, which is also that of a name never seen."
            lines.append(f"    # {told}\n")
        lines.append(f"    categories = OneHotEncoder({unknown}, sparse_output=False)\n")
        parts.append('("categories", categories, CATEGORIES)')
    if groups.codes:
        imports.use("preprocessing", "TargetEncoder")
        told = "Too many names for a column each: what the target is on average where the name is this one."
        lines.append(f"    # {told}\n")
        lines.append(f"    codes = {maybe_scaled(_target_encoder(examination))}\n")
        parts.append('("codes", codes, CODES)')
    return lines, parts


def _transformer(parts: list[str]) -> str:
    """The line that makes the ColumnTransformer, or as many as ruff would break it into."""
    inner = f"[{', '.join(parts)}]"
    line = f"    columns = ColumnTransformer({inner})\n"
    if len(line) <= WIDTH + 1:
        return line
    if len(inner) + 8 > WIDTH:
        inner = "[\n" + "".join(f"            {part},\n" for part in parts) + "        ]"
    return f"    columns = ColumnTransformer(\n        {inner}\n    )\n"


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
        options = "max_leaf_nodes=8, max_iter=150, min_samples_leaf=10"
        if rows < TINY:  # where 10 rows in a leaf leave no split at all, and 150 trees learn the noise
            options = "max_leaf_nodes=3, max_iter=60, min_samples_leaf=4"
        return ("ensemble", name), f"{name}(learning_rate=0.05, {options})", why
    if rows <= 10_000:
        return ("ensemble", name), f"{name}(learning_rate=0.05, max_leaf_nodes=16, max_iter=200)", ""
    return ("ensemble", name), f"{name}(learning_rate=0.1, max_iter=200)", ""
