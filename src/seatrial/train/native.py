"""Stores a fitted pipeline with skops, as the same bytes for the same pipeline."""

import io
import json
import zipfile
from collections.abc import Iterator
from copy import copy
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.model.engines import untrusted_types
from seatrial.model.trusted_types import TRUSTED_TYPES

CHECKED_ROWS = 50
THRESHOLDS = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")


def store_native(pipeline: Any, frame: Any, reason: str) -> bytes:
    """Serialize a pipeline, and check on rows of `frame` that a release can load it and gets the same scores.

    Raises SeatrialError where it contains what a release may not contain. `reason` is why it was not compiled.
    """
    from skops.io import loads

    rows = frame.iloc[:CHECKED_ROWS]
    try:
        stored = dump_native(serving_part(pipeline))
        untrusted = untrusted_types(data=stored)
        if not untrusted:
            loaded = loads(stored, trusted=list(TRUSTED_TYPES))
            known, again = (getattr(each, "predict_proba", each.predict)(rows) for each in (pipeline, loaded))
            same = np.allclose(known, again, rtol=1e-9, atol=1e-12, equal_nan=True)
    except Exception as error:  # skops raises whatever the parts of a pipeline raise
        line = (str(error).strip().splitlines() or [""])[0]
        raise _refusal(reason, f"{type(error).__name__}: {line}") from error
    if untrusted:
        raise _refusal(reason, f"it contains {', '.join(untrusted)}")
    if not same:
        raise _refusal(reason, "it scores differently after it was stored and loaded")
    return stored


def _refusal(reason: str, why: str) -> SeatrialError:
    return SeatrialError(
        f"The pipeline can neither be compiled ({reason}) nor stored safely: {why.rstrip('.')}.",
        hint="Use scikit-learn's own estimators, and put your own code into feature functions.",
    )


def serving_part(pipeline: Any) -> Any:
    """The part of a fitted pipeline that computes its scores: without a search or a threshold around it.

    What these keep (scores of candidates, distributions, folds) is not needed to predict, and is often not storable.
    """
    if hasattr(pipeline, "steps"):
        *first, (name, last) = pipeline.steps
        served = copy(pipeline)
        served.steps = [*first, (name, serving_part(last))]
        return served
    around = hasattr(pipeline, "best_estimator_") or type(pipeline).__name__ in THRESHOLDS
    inner = getattr(pipeline, "best_estimator_", None) or getattr(pipeline, "estimator_", None)
    return serving_part(inner) if around and inner is not None else pipeline


def dump_native(pipeline: Any) -> bytes:
    """Serialize a pipeline for the native engine.

    skops names its parts by memory address or by chance and adds timestamps; both are replaced, so that the same
    training gives the same file. The file contains no pickle: a type that a release does not trust is refused on
    loading.
    """
    from skops.io import dumps

    with zipfile.ZipFile(io.BytesIO(dumps(pipeline))) as archive:
        schema = json.loads(archive.read("schema.json"))
        parts = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
    ids: dict[int, int] = {}
    files: dict[str, str] = {}
    for node in _nodes(schema):
        if isinstance(node.get("__id__"), int):
            node["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if isinstance(node.get("file"), str):
            suffix = PurePosixPath(node["file"]).suffix
            node["file"] = files.setdefault(node["file"], f"{len(files) + 1}{suffix}")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        renamed = {files[name]: data for name, data in parts.items()}
        for name, data in sorted({**renamed, "schema.json": json.dumps(schema).encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every object of a JSON document, from the outside in, in its order; deep pipelines do not recurse."""
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        waiting.extend(reversed(list(inner)))
