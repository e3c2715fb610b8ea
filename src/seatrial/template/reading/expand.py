"""Puts what was read of distinct texts back onto the rows."""

from typing import Any

import numpy as np


class Spread:
    """Puts a value per distinct text back onto the rows."""

    def __init__(self, coded: Any, absent: Any) -> None:
        import pyarrow as pa

        gone = absent.to_numpy(zero_copy_only=False)
        places = np.cumsum(~gone) - 1
        self._indices = pa.array(np.where(gone, 0, places), mask=gone).take(coded.indices)

    def __call__(self, values: Any) -> Any:
        """One value per distinct text that is not missing -> one per row."""
        return values.take(self._indices)
