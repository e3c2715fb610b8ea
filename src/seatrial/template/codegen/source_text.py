"""The source of schema.py, features.py and pipeline.py for an examined table."""

from seatrial.template.codegen.features import feature_code
from seatrial.template.codegen.pipeline import Model, pipeline_code
from seatrial.template.codegen.schema import row_class, schema_code
from seatrial.template.records import Examination


def write_code(examination: Examination, *, name: str, model: Model = "boosting") -> dict[str, str]:
    """Generate the code of the project `name` with a model: source text in ruff's format, by file."""
    features = feature_code(examination)
    about = f"A row of the table that {examination.target.name} is predicted from."
    return {
        "schema.py": schema_code(examination, row=row_class(name), about=about),
        "features.py": features.text,
        "pipeline.py": pipeline_code(examination, features, model),
    }
