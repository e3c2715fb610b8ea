"""Generates pipeline.py: one of six models with the preparation that it needs; all of it compiles exactly."""

from dataclasses import dataclass, field

from seatrial.template.codegen.features import Features
from seatrial.template.codegen.literals import WIDTH, listed
from seatrial.template.codegen.model_code import Model, estimator_of
from seatrial.template.records import ColumnFacts, Examination

RARE = 10  # rows; categories in fewer share one column
SMALL = 1_000
NUMERIC = ("integer", "number", "boolean")
UNCHANGED = '"passthrough"'


@dataclass
class _Code:
    """The parts of pipeline.py that are collected on the way."""

    imports: dict[str, set[str]] = field(default_factory=dict)  # by module
    inputs: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the lists of column names at the top
    lines: list[str] = field(default_factory=list)  # of build(), before the ColumnTransformer
    entries: list[str] = field(default_factory=list)  # of the ColumnTransformer

    def use(self, module: str, name: str) -> str:
        self.imports.setdefault(f"sklearn.{module}", set()).add(name)
        return name

    def add(self, name: str, step: str, columns: tuple[str, ...], comment: str = "") -> None:
        """An entry of the ColumnTransformer; with a comment, its step is first assigned to a variable."""
        constant = name.upper()
        self.inputs[constant] = columns
        if comment:
            self.lines.append(f"    # {comment}\n")
        if "(" in step and step != "StandardScaler()":
            self.lines.append(f"    {name} = {step}\n")
            step = name
        self.entries.append(f'("{name}", {step}, {constant})')

    def transformer(self) -> str:
        """The line that makes the ColumnTransformer, broken into several as ruff would."""
        inner = f"[{', '.join(self.entries)}]"
        line = f"    columns = ColumnTransformer({inner})\n"
        if len(line) <= WIDTH + 1:
            return line
        if len(inner) + 8 > WIDTH:
            inner = "[\n" + "".join(f"            {entry},\n" for entry in self.entries) + "        ]"
        return f"    columns = ColumnTransformer(\n        {inner}\n    )\n"


def pipeline_code(examination: Examination, features: Features, model: Model) -> str:
    """The text of pipeline.py with `build()`."""
    code = _Code()
    code.use("compose", "ColumnTransformer")
    code.use("pipeline", "Pipeline")
    names = [column for column in examination.used if column.kind in ("category", "code")]
    texts = tuple(column.name for column in names if model == "catboost" and str(column.values.type) == "string")
    if texts:  # first, so that their positions are known
        code.add("texts", UNCHANGED, texts)
    _add_numbers(code, examination, features, model)
    _add_names(code, examination, [c for c in names if c.name not in texts], scaled=model == "logistic")
    regression = examination.target.task == "regression"
    estimator = estimator_of(model, regression=regression, rows=examination.rows, categories="TEXTS" if texts else "")
    code.imports.setdefault(estimator.module, set()).add(estimator.name)
    imports = "".join(f"from {m} import {', '.join(sorted(names))}\n" for m, names in sorted(code.imports.items()))
    constants = "".join(listed(f"{name} = ", columns) + "\n" for name, columns in code.inputs.items())
    return (
        '"""The estimator: any scikit-learn pipeline. `seatrial train` reports whether it compiles."""\n\n'
        f"{imports}\n{constants}\n\n"
        "def build() -> Pipeline:\n"
        '    """Build the unfitted pipeline. A missing number arrives as NaN, a missing string as an empty one."""\n'
        f"{''.join(code.lines)}{code.transformer()}{estimator.line}"
        '    return Pipeline([("columns", columns), ("model", model)])\n'
    )


def _scaled(code: _Code, step: str) -> str:
    code.use("pipeline", "make_pipeline")
    code.use("preprocessing", "StandardScaler")
    return f"make_pipeline({step}, StandardScaler())"


def _add_numbers(code: _Code, examination: Examination, features: Features, model: Model) -> None:
    numeric = [column for column in examination.used if column.kind in NUMERIC]
    if model not in ("logistic", "forest"):  # boosted trees handle missing numbers themselves
        if names := (*(column.name for column in numeric), *features.numbers):
            code.add("numbers", UNCHANGED, names)
        return
    derived = [name for name in features.numbers if name not in features.missing]
    complete = (*(c.name for c in numeric if not c.missing), *derived)
    gaps = (*(c.name for c in numeric if c.missing), *features.missing)
    if complete:
        scale = model == "logistic"
        step = f"{code.use('preprocessing', 'StandardScaler')}()" if scale else UNCHANGED
        code.add("numbers", step, complete)
    if gaps:
        step = f'{code.use("impute", "SimpleImputer")}(strategy="median", add_indicator=True)'
        step = _scaled(code, step) if model == "logistic" else step
        code.add("with_gaps", step, gaps, "Whether a number is missing may be informative, so it gets a column.")


def _add_names(code: _Code, examination: Examination, columns: list[ColumnFacts], *, scaled: bool) -> None:
    categories = tuple(column.name for column in columns if column.kind == "category")
    codes = tuple(column.name for column in columns if column.kind == "code")
    if categories:
        rare = RARE if examination.rows >= SMALL else 2 if examination.rows >= 100 else 0
        unknown, comment = 'handle_unknown="ignore"', ""
        if rare:
            unknown = f'handle_unknown="infrequent_if_exist", min_frequency={rare}'
            few = f"fewer than {rare} rows" if rare > 2 else "only one row"
            comment = f"Categories in {few} share one column, which also stands for categories not seen in training."
        encoder = f"{code.use('preprocessing', 'OneHotEncoder')}({unknown}, sparse_output=False)"
        code.add("categories", encoder, categories, comment)
    if codes:
        kind = {"regression": "continuous"}.get(examination.target.task, examination.target.task)
        encoder = f'{code.use("preprocessing", "TargetEncoder")}(target_type="{kind}")'
        comment = "Too many values for a column each: every value is replaced by its average target."
        code.add("codes", _scaled(code, encoder) if scaled else encoder, codes, comment)
