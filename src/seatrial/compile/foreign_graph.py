"""Runs anybody's ONNX file on rows of a table: with one input for all columns or one for each, float or double."""

from pathlib import Path
from typing import Any

import numpy as np

from seatrial.core.errors import SeatrialError
from seatrial.core.onnxruntime_floor import load_onnxruntime
from seatrial.model.features import Array, Floats

TYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": object,
}


class ForeignGraph:
    """A graph that somebody else's converter wrote. Raises SeatrialError where it cannot be run on a table."""

    def __init__(self, file: Path, *, columns: int, classes: int) -> None:
        onnxruntime = load_onnxruntime()
        if not file.is_file():
            raise SeatrialError(f"{file} does not exist.", hint="Name the ONNX file that a converter wrote.")
        try:
            self._session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises its own classes
            line = str(error).strip().splitlines()[0]
            raise SeatrialError(f"{file.name} is not a graph that onnxruntime can run: {line}") from None
        self._name, self._columns, self.classes = file.name, columns, classes
        self._inputs = [(each.name, TYPES.get(each.type)) for each in self._session.get_inputs()]
        if len(self._inputs) not in (1, columns) or any(kind is None for _, kind in self._inputs):
            shown = ", ".join(f"{each.name} {each.type}" for each in self._session.get_inputs())
            raise SeatrialError(
                f"{file.name} has the inputs {shown}; the model has {columns} columns.",
                hint="A graph must take one tensor with all columns, or one tensor for each column.",
            )

    @property
    def single(self) -> bool:
        """Whether it takes numbers in single precision."""
        return any(kind is np.float32 for _, kind in self._inputs)

    def __call__(self, rows: Any) -> Floats:
        """Score a DataFrame or an array: (n, classes) probabilities, or (n,) predictions."""
        try:
            outputs = self._session.run(None, self._feed(rows))
        except Exception as error:  # onnxruntime raises its own classes
            raise SeatrialError(f"{self._name} fails on a row: {str(error).strip().splitlines()[0]}") from None
        return self._scores(outputs, len(rows))

    def _feed(self, rows: Any) -> dict[str, Array]:
        whole = rows.to_numpy() if hasattr(rows, "to_numpy") else np.asarray(rows)
        with np.errstate(over="ignore", invalid="ignore"):
            if len(self._inputs) == 1:
                [(name, kind)] = self._inputs
                return {name: np.ascontiguousarray(whole.astype(kind))}
            names = [str(name) for name in getattr(rows, "columns", range(self._columns))]
            order = {name: position for position, name in enumerate(names)}
            return {
                name: np.ascontiguousarray(whole[:, [order.get(name, place)]].astype(kind))
                for place, (name, kind) in enumerate(self._inputs)
            }

    def _scores(self, outputs: list[Any], rows: int) -> Floats:
        """Pick what has the shape of the scores: the last output that fits, since labels come first."""
        for given in reversed(outputs):
            zipped = isinstance(given, list) and given and isinstance(given[0], dict)  # in the order of the classes
            output = np.array([list(each.values()) for each in given]) if zipped else given
            if not isinstance(output, np.ndarray) or output.dtype == object or output.shape[:1] != (rows,):
                continue
            if not self.classes and output.size == rows:
                return output.reshape(rows).astype(np.float64)
            if self.classes and output.shape == (rows, self.classes):
                return output.astype(np.float64)
        shapes = ", ".join(str(getattr(output, "shape", type(output).__name__)) for output in outputs)
        wanted = f"probabilities of {self.classes} classes" if self.classes else "predictions"
        raise SeatrialError(f"{self._name} has no output with {wanted}: its outputs are {shapes} for {rows} rows.")
