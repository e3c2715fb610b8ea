"""A pipeline's parameters as texts that are the same in every process, to tell one pipeline from another."""

import inspect
from typing import Any


def described(pipeline: Any) -> dict[str, str]:
    """Every parameter of a pipeline as text; of an estimator its class, since its parameters are listed too."""
    if not hasattr(pipeline, "get_params"):
        return {}
    return {name: described_value(value) for name, value in sorted(pipeline.get_params(deep=True).items())}


def described_value(value: Any) -> str:
    """A value of a parameter as text."""
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(described_value, value))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{described_value(k)}: {described_value(v)}' for k, v in value.items())})"
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return f"{type(value).__name__}({described_value(value.tolist())})"
    if value is None or isinstance(value, str | int | float | bool):
        return repr(value)
    return value.__qualname__ if inspect.isfunction(value) else type(value).__name__
