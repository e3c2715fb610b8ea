"""The engines that turn matrices into scores: the compiled graph, or scikit-learn where there is no graph."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.onnxruntime_floor import load_onnxruntime
from seatrial.model.features import Array, Floats
from seatrial.model.inputs import Inputs
from seatrial.model.row_order import similar_rows
from seatrial.model.trusted_types import TRUSTED_TYPES
from seatrial.model.word_counts import word_reader

GRAPH_FILE = "model.onnx"
NATIVE_FILE = "model.skops"
ROWS_AT_ONCE = 2048  # what a graph's steps make of so many rows stays in the processor's cache, and bounds the memory
# A graph is data from a wheel: its size is checked before it is parsed. To load trees, onnxruntime needs seven times as
# much memory, and 14 s for 256 MiB.
GRAPH_LIMIT = 256 * 2**20
MANY_TREES = 2**16  # bytes of a graph with trees, from which ordering rows takes less time than it saves


@dataclass(frozen=True)
class Proof:
    """What was compared between a graph and its pipeline, and how close it was; `reason` says why the proof fails.

    For boosted trees of other libraries also how many paths through trees were compared and differ, how far the
    library's own scores are from the reference at most, how many labels its rounding decides, and in a sentence what
    is proven.
    """

    rows_table: int
    rows_generated: int
    largest_difference: float
    labels_differ: int
    ties: int
    holds: bool
    reason: str = ""
    paths: int = 0
    paths_differ: int = 0
    library_difference: float = 0.0
    library_labels: int = 0
    statement: str = ""


@dataclass(frozen=True)
class Compiled:
    """A serialized graph, and the proof that it equals its pipeline."""

    graph: bytes
    proof: Proof


class Engine(Protocol):
    """Scores for rows: (n, n_classes) probabilities, or (n,) predictions of a regression."""

    def __call__(self, numbers: Floats, strings: Array) -> Floats:
        """Score `numbers` (n, k) float64 and `strings` (n, m) of str."""
        ...


class GraphEngine:
    """The compiled graph, run by onnxruntime; `threads` is 1 for a server, 0 (one per core) for a large table."""

    def __init__(self, graph: Path | bytes, *, threads: int = 1) -> None:
        onnxruntime = load_onnxruntime()
        if isinstance(graph, Path):
            if not graph.is_file():
                raise SeatrialError(f"The release has no {graph.name}.", hint="Build and install it again.")
            if graph.stat().st_size > GRAPH_LIMIT:
                raise SeatrialError(f"{graph} is larger than {GRAPH_LIMIT >> 20} MiB.", hint="Train a smaller model.")
            graph = graph.read_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        # Threads that spin while they wait for work take the processor from other processes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own classes
            raise SeatrialError(
                f"The compiled graph cannot be loaded: {error}", hint="Build and install the release again."
            ) from None
        self._names = {tensor.name for tensor in self._session.get_inputs()}
        self._words = word_reader(self._session.get_modelmeta().custom_metadata_map)
        # Several threads add the trees up in another order where a block has few rows: the rows must not move there.
        self._orders = options.intra_op_num_threads == 1 and len(graph) >= MANY_TREES and b"TreeEnsemble" in graph

    def __call__(self, numbers: Floats, strings: Array) -> Floats:
        """Score the rows; an input without columns is not part of the graph."""
        if len(numbers) <= ROWS_AT_ONCE:
            return self._run(numbers, strings)
        order = similar_rows(numbers, strings) if self._orders else None
        blocks = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(numbers), ROWS_AT_ONCE)]
        if order is None:
            return np.concatenate([self._run(numbers[block], strings[block]) for block in blocks])
        ordered = np.concatenate([self._run(numbers[order[block]], strings[order[block]]) for block in blocks])
        scores = np.empty_like(ordered)
        scores[order] = ordered
        return scores

    def _run(self, numbers: Floats, strings: Array) -> Floats:
        if self._words is None:
            return self._scores({"numbers": numbers, "strings": strings})
        blocks = [
            self._scores({"numbers": numbers[rows], "strings": strings[rows], **words})
            for rows, words in self._words.blocks(strings)
        ]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _scores(self, inputs: dict[str, Any]) -> Floats:
        scores: Floats = self._session.run(["scores"], {name: inputs[name] for name in self._names})[0]
        return scores


class NativeEngine:
    """The fitted scikit-learn pipeline itself, stored with skops, for what cannot be compiled exactly."""

    def __init__(self, file: Path, inputs: Inputs) -> None:
        try:
            from skops.io import load
        except ImportError:
            raise SeatrialError(
                "This release runs natively, which needs scikit-learn and skops.",
                hint='pip install "seatrial[native]"',
            ) from None
        if untrusted := untrusted_types(file=file):
            raise SeatrialError(
                f"{file.name} contains types that are not on the allow-list: {', '.join(untrusted)}.",
                hint="Use scikit-learn's own estimators, and put your own code into feature functions.",
            )
        self._pipeline = load(file, trusted=list(TRUSTED_TYPES))
        self._inputs = inputs

    def __call__(self, numbers: Floats, strings: Array) -> Floats:
        """Score the rows through pandas, as in training."""
        frame = to_frame(self._inputs, numbers, strings)
        score = getattr(self._pipeline, "predict_proba", self._pipeline.predict)
        return np.asarray(score(frame), dtype=np.float64)


def untrusted_types(**source: Any) -> list[str]:
    """The types in a stored pipeline (`file` or `data`, as for skops) that a release must not contain."""
    from skops.io import get_untrusted_types

    return sorted(set(get_untrusted_types(**source)) - set(TRUSTED_TYPES))


def to_frame(inputs: Inputs, numbers: Floats, strings: Array) -> Any:
    """Convert the matrices to a DataFrame like the one that the pipeline was fitted on."""
    import pandas as pd

    data: dict[str, Any] = {name: numbers[:, i] for i, name in enumerate(inputs.numbers)}
    data |= {name: pd.Series(strings[:, i], dtype=object) for i, name in enumerate(inputs.strings)}
    return pd.DataFrame(data, columns=list(inputs.names))
