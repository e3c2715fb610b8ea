"""Creates a project from an examined table: the rendered template, the generated code and the data, in one folder."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.core.files import sha256, write_atomic
from seatrial.core.model_libraries import MODEL_LIBRARIES
from seatrial.core.quoting import one_line
from seatrial.template.codegen.features import feature_code
from seatrial.template.codegen.literals import short
from seatrial.template.codegen.model_code import Model
from seatrial.template.codegen.pipeline import pipeline_code
from seatrial.template.codegen.schema import row_class, schema_code
from seatrial.template.project_name import ProjectName
from seatrial.template.reading.rules import FILE as RULES
from seatrial.template.reading.rules import rules_of, rules_text
from seatrial.template.reading.table import DataFile, write_data
from seatrial.template.records import Examination
from seatrial.template.render import render
from seatrial.template.template_answers import schema_answers, sentence

FEW, ENOUGH = 40, 120  # rows: a quarter of 40 is the least that a trial accepts, a quarter of 120 its default
FEWEST_HELD_OUT = 10


@dataclass(frozen=True)
class Options:
    """What the user chooses besides the table."""

    names: ProjectName
    model: Model = "boosting"
    description: str = ""
    licence: str = "none"
    holder: str = ""
    ci: str = "none"
    deploy: tuple[str, ...] = ("local",)
    table: str = ""  # its path in the project, if it stays outside data/


def make_project(folder: Path, examination: Examination, options: Options) -> None:
    """Write a whole project into an empty folder, except the files of CI services and deployment targets."""
    names = options.names
    about = sentence(options.description or f"Predicts {examination.target.name}")
    code = write_code(examination, name=names.folder, model=options.model)
    data = write_data(examination, folder / "data", names.folder.lower().replace("-", "_"))
    render(_answers(examination, options, about, code["schema.py"], data), folder)
    for name, text in code.items():
        write_atomic(folder / "src" / names.package / name, text)
    unused = {column.name: short(examination.why_unused(column), 100) for column in examination.unused}
    write_atomic(folder / RULES, rules_text(rules_of(examination), unused))


def write_code(examination: Examination, *, name: str, model: Model = "boosting") -> dict[str, str]:
    """Generate the code of the project `name` with a model: source text in ruff's format, by file."""
    features = feature_code(examination)
    about = f"A row of the table that {examination.target.name} is predicted from."
    return {
        "schema.py": schema_code(examination, row=row_class(name), about=about),
        "features.py": features.text,
        "pipeline.py": pipeline_code(examination, features, model),
    }


def _answers(examination: Examination, options: Options, about: str, schema: str, data: DataFile) -> dict[str, Any]:
    """The template's answers that depend on the project; copier.yml lists all of them, with their defaults."""
    target, source = examination.target, examination.source
    return {
        "name": options.names.name,
        "package": options.names.package,
        "description": about,
        "data": data.path.name,
        "target": target.name,
        "task": target.task,
        "licence": options.licence,
        "holder": options.holder,
        "year": str(dt.datetime.now(dt.UTC).year) if options.licence != "none" else "",
        "table": options.table,
        "data_from": one_line(source.path.name if source.path else source.name),
        "data_sha256": sha256(data.path),
        "data_notes": [one_line(change) for change in data.changes],
        "rows": f"{examination.rows:,}",
        "test_share": "0.5" if examination.rows < FEW else "",
        "split_by": "" if examination.split.by == "rows" else examination.split.by,
        "split_column": examination.split.column,
        "split_why": one_line(next((d.why for d in examination.decisions if d.about == "split"), "")),
        "min_rows": FEWEST_HELD_OUT if examination.rows < ENOUGH else 0,
        "left_out": [
            {"name": column.name, "why": short(examination.why_unused(column), 200)} for column in examination.unused
        ],
        "positive": target.positive,
        "unit": target.unit,
        "classes": [one_line(label) for label in target.ordered],
        **schema_answers(schema),
        "extra": options.model if options.model in MODEL_LIBRARIES else "",
        "ci": options.ci,
        "deploy": list(options.deploy),
    }
