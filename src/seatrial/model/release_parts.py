"""What a release consists of: its package, metadata, schema, feature functions and engine, each loaded when needed."""

import importlib
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from seatrial.model.array_functions import ArrayFunction
from seatrial.model.decision import DecisionRule, decision_rule
from seatrial.model.engines import GRAPH_FILE, NATIVE_FILE, Engine, GraphEngine, NativeEngine
from seatrial.model.features import Feature, features_in, needed, proven_functions
from seatrial.model.intervals import PredictionIntervals, prediction_intervals
from seatrial.model.metadata import Metadata, read_metadata
from seatrial.model.pickling import fingerprint, restored
from seatrial.model.row_validation import ROW_LIMIT
from seatrial.model.schema import Column, columns_of, schema_in
from seatrial.model.table_validation import TableChecker
from seatrial.model.unseen import UnseenValues

ARTIFACTS = "artifacts"
CARD_FILE = "card.md"


class ReleaseParts:
    """The parts of one version of a model, in an importable package."""

    def __init__(self, package: str, *, row_limit: int = ROW_LIMIT, threads: int = 1) -> None:
        self.package = package
        self.row_limit = row_limit
        self.threads = threads
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Release {self.package}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the package's name, version and hash; where it is unpickled, the same release must be installed."""
        digest = fingerprint(self.artifacts)
        return restored, (type(self), self.package, self.version, digest, self.row_limit, self.threads)

    @cached_property
    def version(self) -> str:
        """The release's version, from the package itself."""
        return str(importlib.import_module(self.package).__version__)

    @cached_property
    def name(self) -> str:
        """The release's name on an index, `titanic-model`."""
        return self.metadata.name

    @cached_property
    def artifacts(self) -> Path:
        """The folder of the files that training wrote."""
        module = importlib.import_module(self.package)
        return Path(str(module.__file__)).parent / ARTIFACTS

    @cached_property
    def metadata(self) -> Metadata:
        """The metadata that training wrote."""
        return read_metadata(self.artifacts)

    @cached_property
    def card(self) -> str:
        """The model card, in Markdown."""
        path = self.artifacts / CARD_FILE
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @cached_property
    def schema(self) -> type[BaseModel]:
        """The schema class of a row."""
        return schema_in(importlib.import_module(f"{self.package}.schema"))

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The schema's columns, in its order."""
        return columns_of(self.schema)

    @cached_property
    def json_schema(self) -> dict[str, Any]:
        """The schema as JSON Schema."""
        return self.schema.model_json_schema()

    @cached_property
    def checker(self) -> TableChecker:
        """Checks whole tables by the schema."""
        return TableChecker(self.schema)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """The feature functions that the engine's inputs depend on, in order."""
        every = features_in(importlib.import_module(f"{self.package}.features"), self.columns)
        return needed(every, self.metadata.inputs.names)

    @cached_property
    def _arrays(self) -> dict[str, ArrayFunction]:
        """The feature functions that training proved to be the same on arrays."""
        return proven_functions(self.features, self.metadata.array_features)

    @cached_property
    def used_columns(self) -> frozenset[str]:
        """The schema's columns that the model uses, directly or through a feature function."""
        read = set(self.metadata.inputs.names).union(*(f.reads for f in self.features))
        return frozenset(c.name for c in self.columns if c.name in read)

    @cached_property
    def unseen(self) -> UnseenValues:
        """Finds values that no training row had, in the columns that the model uses."""
        return UnseenValues([c for c in self.columns if c.name in self.used_columns], self.metadata.seen)

    @cached_property
    def engine(self) -> Engine:
        """The compiled graph, or scikit-learn."""
        with self._lock:
            if self.metadata.engine == "onnx":
                return GraphEngine(self.artifacts / GRAPH_FILE, threads=self.threads)
            return NativeEngine(self.artifacts / NATIVE_FILE, self.metadata.inputs)

    @cached_property
    def decision(self) -> DecisionRule:
        """The rule that turns scores into labels."""
        return decision_rule(self.metadata)

    @cached_property
    def intervals(self) -> PredictionIntervals:
        """The intervals of a regression, or the sets of a classifier."""
        return prediction_intervals(self.metadata)
