"""The engines that turn matrices into scores: the compiled graph, and scikit-learn itself where there is none."""

import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.model.features import Array
from seatrial.model.inputs import Inputs

Floats = npt.NDArray[np.float64]

GRAPH_FILE = "model.onnx"
NATIVE_FILE = "model.skops"
GRAPH_LIMIT = 512 * 2**20  # a graph is data from a wheel: look at its size before giving it to a parser


class Engine(Protocol):
    """Scores for rows: (n, n_classes) probabilities, or (n,) predictions of a regression."""

    def __call__(self, numbers: Floats, strings: Array) -> Floats:
        """Score `numbers` (n, k) float64 and `strings` (n, m) of str."""
        ...


class GraphEngine:
    """The compiled graph under onnxruntime; `threads` 1 suits a server, 0 (all cores) a large table."""

    def __init__(self, graph: Path | bytes, *, threads: int = 1) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # since 1.32 it reports to its maker, on Linux as well
        import onnxruntime

        if isinstance(graph, Path):
            if not graph.is_file():
                raise SeatrialError(f"The release has no {graph.name}.", hint="Build and install it again.")
            if graph.stat().st_size > GRAPH_LIMIT:
                raise SeatrialError(f"{graph} is larger than {GRAPH_LIMIT >> 20} MiB.")
            graph = graph.read_bytes()
        onnxruntime.set_default_logger_severity(3)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False
        # Threads that wait actively for work take the processor from whatever else runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises classes of its own for each way a graph can be wrong
            raise SeatrialError(f"The compiled graph cannot be loaded: {error}") from None
        self._names = {given.name for given in self._session.get_inputs()}

    def __call__(self, numbers: Floats, strings: Array) -> Floats:
        """Score the rows; an input without columns is not part of the graph."""
        given: dict[str, Any] = {"numbers": numbers, "strings": strings}
        scores: Floats = self._session.run(["scores"], {n: given[n] for n in self._names})[0]
        return scores


# Beyond scikit-learn's public estimators, which skops knows, a native release may hold these types and no others.
TRUSTED_TYPES = (
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neighbors._ball_tree.BallTree64",
    "sklearn.neighbors._kd_tree.KDTree64",
    "sklearn.tree._tree.Tree",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
)


class NativeEngine:
    """The fitted scikit-learn pipeline itself, kept with skops, for what cannot be compiled exactly."""

    def __init__(self, file: Path, inputs: Inputs) -> None:
        try:
            from skops.io import get_untrusted_types, load
        except ImportError:
            raise SeatrialError(
                "This release runs natively and scikit-learn is not installed.",
                hint='pip install "seatrial[native]"',
            ) from None
        foreign = set(get_untrusted_types(file=file)) - set(TRUSTED_TYPES)
        if foreign:
            raise SeatrialError(
                f"{file.name} holds types that are not on the allow-list: {', '.join(sorted(foreign))}.",
                hint="Use scikit-learn's own estimators, and feature functions for what is your own.",
            )
        self._pipeline = load(file, trusted=list(TRUSTED_TYPES))
        self._inputs = inputs

    def __call__(self, numbers: Floats, strings: Array) -> Floats:
        """Score the rows through pandas, as in training."""
        frame = to_frame(self._inputs, numbers, strings)
        score = getattr(self._pipeline, "predict_proba", self._pipeline.predict)
        return np.asarray(score(frame), dtype=np.float64)


def to_frame(inputs: Inputs, numbers: Floats, strings: Array) -> Any:
    """Give the matrices as the pandas DataFrame that the pipeline was fitted on."""
    import pandas as pd

    data: dict[str, Any] = {name: numbers[:, i] for i, name in enumerate(inputs.numbers)}
    data |= {name: pd.Series(strings[:, i], dtype=object) for i, name in enumerate(inputs.strings)}
    return pd.DataFrame(data, columns=list(inputs.names))
