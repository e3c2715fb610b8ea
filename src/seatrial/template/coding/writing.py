"""The texts of schema.py, features.py and pipeline.py for an examined table."""

from dataclasses import dataclass

from seatrial.template.coding.featurecode import feature_code
from seatrial.template.coding.pipelinecode import Model, pipeline_code
from seatrial.template.coding.schemacode import row_class, schema_code
from seatrial.template.records import Decision, Examination


@dataclass(frozen=True)
class Code:
    """A project's own code, by file name, and what was decided while writing it. `row` is the schema's class."""

    files: dict[str, str]
    row: str
    model: Model
    decisions: tuple[Decision, ...]


def write_code(
    examination: Examination, *, name: str, model: Model = "boosting", row: str = "", about: str = ""
) -> Code:
    """Write the code of a project `name` that predicts the target by a model.

    `row` names the schema's class, `about` says in a sentence what a row is. The texts are as ruff formats them.
    """
    row = row or row_class(name)
    about = about or f"What the model asks to predict {examination.target.name}."
    features = feature_code(examination)
    files = {
        "schema.py": schema_code(examination, row=row, about=about),
        "features.py": features.text,
        "pipeline.py": pipeline_code(examination, features, model),
    }
    return Code(files, row, model, features.decisions)
