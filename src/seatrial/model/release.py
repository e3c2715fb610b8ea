"""A release at run time: rows in, predictions out. An installed model wheel consists of one."""

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel

from seatrial.core.errors import SeatrialError
from seatrial.model.bad_rows import BadRows, OnBadRows
from seatrial.model.features import Array, Columns, Floats, add_features, failing_rows
from seatrial.model.inputs import Encoded, compile_encoder, stack_columns, stack_rows
from seatrial.model.release_parts import ReleaseParts
from seatrial.model.row_validation import RowError, RowParser
from seatrial.model.shapley import Explanation, contributions
from seatrial.model.table_files import Chunk
from seatrial.model.table_parts import encoded_chunks
from seatrial.model.table_validation import rows_of
from seatrial.model.unseen import WARNINGS, as_json


class Release(ReleaseParts):
    """One version of a model. Creating it is cheap; each part is loaded when it is first needed.

    `package` is the importable package that holds schema.py, features.py and artifacts/.
    `row_limit` is the most rows that `parse` accepts in one body, `threads` the number of threads of a compiled engine
    (0: one per core); it can be changed until the engine is first used.
    """

    @cached_property
    def _parser(self) -> RowParser[Any]:
        return RowParser(self.schema, limit=self.row_limit)

    @cached_property
    def _encode(self) -> Callable[[Mapping[str, Any]], Encoded]:
        return compile_encoder(self.metadata.inputs, self.features)

    def load(self) -> "Release":
        """Load everything and predict one row, so that the first caller does not have to wait for it."""
        self.predict([self.metadata.typical])
        return self

    def parse(self, body: bytes) -> list[BaseModel]:
        """Validate a JSON body: one row, a list of rows, or {"inputs": [...]}. Raises RowError."""
        return self._parser.parse(body)

    def parse_slices(self, body: bytes) -> Iterator[tuple[int, list[BaseModel]]]:
        """Validate a JSON body as `parse` does, a few rows at a time, each list with the place of its first row.

        If that is not the next place, the rows replace what came before. Raises RowError, maybe after some rows.
        """
        return self._parser.parse_slices(body)

    def parse_lines(self, lines: Sequence[bytes]) -> tuple[list[BaseModel | None], dict[int, list[dict[str, Any]]]]:
        """Validate lines of JSON, a row each; returns None for an invalid one, and its errors by its number."""
        return self._parser.parse_lines(lines)

    def encode(self, row: BaseModel) -> Encoded:
        """Apply the feature functions to a row and return the engine's input."""
        return self._encode(row.__dict__)

    def score(self, rows: Sequence[Encoded]) -> Floats:
        """Score encoded rows in one call: (n, n_classes) probabilities, or (n,) predictions of a regression."""
        return self.engine(*stack_rows(self.metadata.inputs, rows))

    def score_table(self, columns: Columns) -> Floats:
        """Score checked columns, as `TableChecker` returns them."""
        return self.engine(*self.encode_table(columns))

    def encode_table(self, columns: Columns) -> tuple[Floats, Array]:
        """Apply the feature functions to checked columns and return the engine's input."""
        return stack_columns(self.metadata.inputs, add_features(columns, self.features, self.columns, self._arrays))

    def encode_chunks(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Derive the features of checked chunks, for the engine; a row for which that fails gets a problem."""
        return encoded_chunks(
            chunks, self.encode_table, lambda columns: failing_rows(columns, self.features, self.columns)
        )

    def score_chunks(self, chunks: Iterable[Chunk], threads: int = 0) -> Iterator[tuple[Chunk, Floats]]:
        """Score chunks of a table in their order, as fast as the engine allows; `threads` is 0 for one per core.

        The engine scores some chunks in threads while the next ones are read and checked, since it releases the GIL.
        """
        # scikit-learn starts threads of its own
        threads = 1 if self.metadata.engine == "native" else threads or os.cpu_count() or 1
        waiting: deque[tuple[Chunk, Future[Floats]]] = deque()
        with ThreadPoolExecutor(threads, thread_name_prefix="engine") as pool:
            for chunk in chunks:
                if not chunk.inputs:
                    chunk.inputs.append(self.encode_table(chunk.columns))
                waiting.append((chunk, pool.submit(self._score_inputs, chunk.inputs)))
                if len(waiting) > threads:
                    first, scores = waiting.popleft()
                    yield first, scores.result()
            yield from ((chunk, scores.result()) for chunk, scores in waiting)

    def _score_inputs(self, inputs: list[tuple[Floats, Array]]) -> Floats:
        """Score what is taken out of the list, so that nothing else holds it in memory."""
        return self.engine(*inputs.pop())

    def decide(self, scores: Floats) -> list[Any]:
        """Turn scores into labels; a regression's scores are its predictions."""
        return self.decision.labels(self.decide_index(scores))

    def decide_index(self, scores: Floats) -> Array:
        """Turn a classifier's scores into positions in its classes; a regression's scores are returned unchanged."""
        return self.decision.decide(scores)

    def predict(self, rows: Any) -> Any:
        """Predict rows, or a table: a pandas or polars DataFrame, an Arrow table, anything that exports Arrow.

        One row (a dictionary) or a list of rows gives a list:
        [{"prediction": 1, "probabilities": {"0": 0.1, "1": 0.9}}, ...]. A table gives a table of the same kind with
        the columns `prediction`, for a classifier `probability_<label>`, and `warnings`, as fast as a file is
        predicted. `warnings` name the values that no training row had; in a list, a row without any has no such key.
        Raises SeatrialError with the place and the rule where a row breaks the schema.
        """
        if not isinstance(rows, Mapping | list | tuple):
            from seatrial.model.frames import frame_chunks, frame_like, is_frame

            if is_frame(rows):
                scored = [
                    (self.unseen.in_table(chunk.columns), scores)
                    for chunk, scores in self.score_chunks(frame_chunks(rows, self.checker, self.encode_chunks))
                ]
                warnings = [text for texts, _ in scored for text in texts]
                scores = np.concatenate([scores for _, scores in scored])
                return frame_like(rows, {**self.prediction_columns(scores), WARNINGS: warnings})
        checked = self._checked([rows] if isinstance(rows, Mapping) else rows)
        predictions = self.describe(self.score([self.encode(row) for row in checked])) if checked else []
        for each in as_json(self.unseen.in_rows(checked)):
            predictions[each.pop("row")].setdefault(WARNINGS, []).append(each)
        return predictions

    def _checked(self, rows: Iterable[Mapping[str, Any]]) -> list[BaseModel]:
        try:
            return self._parser.check([dict(row) for row in rows])
        except RowError as error:
            raise SeatrialError(f"The rows break the schema: {error}") from None

    def describe(self, scores: Floats) -> list[dict[str, Any]]:
        """Convert scores to predictions, with the probability of each label."""
        decided = self.decide(scores)
        if self.metadata.task == "regression":
            return [{"prediction": value} for value in decided]
        names = [str(label) for label in self.metadata.classes]
        return [
            {"prediction": label, "probabilities": dict(zip(names, row, strict=True))}
            for label, row in zip(decided, scores.tolist(), strict=True)
        ]

    def prediction_columns(self, scores: Floats) -> dict[str, Any]:
        """Convert scores to the columns of a table: `prediction`, and `probability_<label>` for a classifier."""
        shares = {f"probability_{label}": scores[:, position] for position, label in enumerate(self.metadata.classes)}
        return {"prediction": self.decision.label_column(self.decide_index(scores)), **shares}

    def predict_table(
        self,
        data: Any,
        *,
        keep: str | Sequence[str] = (),
        on_bad_rows: OnBadRows = "fail",
        bad: BadRows | None = None,
    ) -> Any:
        """Predict a table and return a pyarrow.Table; needs pyarrow.

        `data` is an Arrow table, batch or stream, a pandas or polars frame, anything else that exports Arrow, a
        dictionary of arrays, or a structured array. Only the columns of the schema are read. `keep` names columns of
        `data`, such as a key, that come before the predictions as they are.

        A row that breaks the schema raises DataError, which names the row by its kept columns. With
        `on_bad_rows="drop"` it is left out. With "keep" it stays: its prediction is null, and `bad_column`,
        `bad_value` and `bad_rule`, null for good rows, say why. `bad` counts the bad rows and keeps the first ones.
        """
        from seatrial.model.arrow_tables import predicted_table

        return predicted_table(self, data, keep, on_bad_rows, bad or BadRows())

    def predict_batches(
        self,
        batches: Any,
        *,
        keep: str | Sequence[str] = (),
        on_bad_rows: OnBadRows = "fail",
        bad: BadRows | None = None,
    ) -> Iterator[Any]:
        """Predict a stream of pyarrow.RecordBatch of any size as it comes, in its order, as `predict_table` does.

        Returns batches of up to 65,536 rows; they have the schema that `output_schema` gives.
        """
        from seatrial.model.arrow_tables import predicted_batches

        return predicted_batches(self, batches, keep, on_bad_rows, bad or BadRows())

    def output_schema(self, keep: str | Sequence[str] = (), on_bad_rows: OnBadRows = "fail", source: Any = None) -> Any:
        """Return the pyarrow.Schema of what `predict_table` gives.

        `source` is the pyarrow.Schema of its input, which has the types of the kept columns.
        """
        from seatrial.model.arrow_tables import output_schema

        return output_schema(self, keep, on_bad_rows, source)

    def interval(self, rows: Any, level: float = 0.9) -> Any:
        """Report between which ends the true value is, or among which classes the true one, with this probability.

        One row (a dictionary) gives [low, high], or the list of the classes in the set, most probable first; a list of
        rows gives a list of these. A table gives a table of the same kind with the columns `low` and `high`, or
        `in_set_<label>` for each class. The levels are 0.5, 0.8, 0.9, 0.95 and 0.99, where the held-out rows were
        enough for them. The probability holds for rows like those of the training table. Raises SeatrialError for
        another level, and with the place and the rule where a row breaks the schema.
        """
        self.intervals.numbers(level)  # before minutes of scoring
        if not isinstance(rows, Mapping | list | tuple):
            from seatrial.model.frames import frame_chunks, frame_like, is_frame

            if is_frame(rows):
                parts = [
                    scores for _, scores in self.score_chunks(frame_chunks(rows, self.checker, self.encode_chunks))
                ]
                return frame_like(rows, self.intervals.columns(np.concatenate(parts), level))
        checked = self._checked([rows] if isinstance(rows, Mapping) else rows)
        found = self.intervals.of(self.score([self.encode(row) for row in checked]), level) if checked else []
        return found[0] if isinstance(rows, Mapping) else found

    def explain(self, rows: Any) -> Any:
        """Report what each column did to the prediction, against the release's typical row.

        One row, as a dictionary or as `parse` gives it, gives an Explanation, and a list of rows gives a list. A table
        gives a table of the same kind: the explained score of each row, the typical row's, and `contribution_<column>`.
        """
        if isinstance(rows, BaseModel):
            return self._explain({c.name: getattr(rows, c.name) for c in self.columns})
        if isinstance(rows, Mapping):
            return self.explain(self._checked([rows])[0])
        if not isinstance(rows, list | tuple):
            from seatrial.model.frames import explanation_columns, frame_chunks, frame_like, is_frame

            if is_frame(rows):
                chunks = frame_chunks(rows, self.checker)
                explanations = [self._explain(row) for chunk in chunks for row in rows_of(self.columns, chunk.columns)]
                names = [c.name for c in self.columns if c.name in self.used_columns]
                return frame_like(rows, explanation_columns(explanations, names))
        return [self.explain(row) for row in self._checked(rows)]

    def _explain(self, values: dict[str, Any]) -> Explanation:
        meta = self.metadata
        typical = {c.name: self._typical_values[c.name] for c in self.columns}
        position: int | None = None  # of the explained class
        if meta.task == "binary":
            position = self.decision.positive
        elif meta.task == "multiclass":
            position = int(self.decide_index(self.score([self._encode(values)]))[0])

        def score(rows: Sequence[dict[str, Any]]) -> Floats:
            scores = self.score([self._encode(row) for row in rows])
            return scores if position is None else scores[:, position]

        names = [c.name for c in self.columns if c.name in self.used_columns]
        shares = contributions(values, typical, names, score)
        ends = score([typical, values])
        label = None if position is None else meta.classes[position]
        return Explanation(label, float(ends[1]), float(ends[0]), tuple(shares))

    @cached_property
    def _typical_values(self) -> dict[str, Any]:
        return self.schema.model_validate_json(json.dumps(self.metadata.typical)).__dict__
