"""The texts of schema.py, features.py and pipeline.py for an examined table."""

from seatrial.template.codegen.features import feature_code
from seatrial.template.codegen.pipeline import Model, pipeline_code
from seatrial.template.codegen.schema import row_class, schema_code
from seatrial.template.records import Examination


def write_code(examination: Examination, *, name: str, model: Model = "boosting") -> dict[str, str]:
    """Write the code of a project `name` that predicts the target by a model: texts as ruff formats them, by file."""
    features = feature_code(examination)
    about = f"What the model asks to predict {examination.target.name}."
    return {
        "schema.py": schema_code(examination, row=row_class(name), about=about),
        "features.py": features.text,
        "pipeline.py": pipeline_code(examination, features, model),
    }
