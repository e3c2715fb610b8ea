"""A reference project's release, its reference rows and its profile, for tests of the faults of serving."""

from pathlib import Path

import numpy as np

from seatrial.model import Release
from seatrial.model.features import Columns
from seatrial.model.table_files import read_chunks
from seatrial.trial.prove.serving_faults import ModelProfile, profile_model

ORDER = ("sex", "fare", "pclass", "age", "name", "cabin", "embarked", "sibsp", "parch")


def reference_rows(release: Release) -> Columns:
    """The release's labelled reference, as checked columns."""
    (chunk,) = read_chunks(Path(release.artifacts) / "reference.csv", release.checker)
    return chunk.columns


def titanic_profile(release: Release) -> ModelProfile:
    """The profile of the Titanic model."""
    columns = reference_rows(release)
    numbers, strings = release.encode_table(columns)
    inputs = release.metadata.inputs
    return profile_model(
        columns,
        ORDER,
        dict(zip(inputs.numbers, np.asarray(numbers, dtype=float).T, strict=True)),
        dict(zip(inputs.strings, np.asarray(strings, dtype=object).T, strict=True)),
        release.score_table(columns),
    )


def fresh(release: Release) -> Release:
    """Another object of the same release, to inject a fault into."""
    return Release(release.package).load()
